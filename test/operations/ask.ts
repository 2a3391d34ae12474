/** Asks a door of this machine. */

import type { OutgoingHttpHeaders } from "node:http";
import { request } from "node:http";

export interface Reply {
  readonly status: number;
  readonly text: string;
}

export function ask(port: number, path: string, method = "GET", headers: OutgoingHttpHeaders = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asking.once("error", reject);
    asking.end();
  });
}

/** The status of each probe. */
export async function probes(port: number): Promise<{ livez: number; readyz: number; startupz: number }> {
  const [livez, readyz, startupz] = await Promise.all(
    ["/livez", "/readyz", "/startupz"].map(async (path) => (await ask(port, path)).status),
  );
  return { livez: livez ?? 0, readyz: readyz ?? 0, startupz: startupz ?? 0 };
}
