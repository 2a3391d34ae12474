/** The payload that all rows send: one small order. */

export interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
  readonly total: number;
}

export const order: Order = {
  orderId: "o-1027",
  customer: "c-88",
  items: [{ sku: "lamp", quantity: 2 }],
  total: 59.8,
};
