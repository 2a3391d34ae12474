/** The log that a service is given: four levels, each a message with fields. It writes nothing unless one is injected. */

/** What a message is about, by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where a service writes what people may want to read. No call throws. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** A log that forgets everything. */
export const silentLog: Log = { debug: forget, info: forget, warn: forget, error: forget };

function forget(): void {}

/** `log` for one service: every message carries its name in the field `service`. */
export function logOf(log: Log, service: string): Log {
  return {
    debug: (message, fields) => log.debug(message, { service, ...fields }),
    info: (message, fields) => log.info(message, { service, ...fields }),
    warn: (message, fields) => log.warn(message, { service, ...fields }),
    error: (message, fields) => log.error(message, { service, ...fields }),
  };
}
