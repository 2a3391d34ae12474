/** A peer whose emitter and receiver are joined by a server, as in two processes. */
export interface Joined<T> {
  /** Sends an event to the receiver. */
  emit(payload: T): Promise<unknown>;
  /** Asks the receiver, which answers with what it heard. */
  ask(payload: T, timeoutMs: number): Promise<T>;
  close(): Promise<void>;
}
