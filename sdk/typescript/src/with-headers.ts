import type { Transport } from "@connectrpc/connect";

/** Asked before each call. */
export type HeadersOf = () =>
  | Readonly<Record<string, string>>
  | Promise<Readonly<Record<string, string>>>;

/** A transport that adds headers; those of a call win. */
export function withHeaders(transport: Transport, headersOf: HeadersOf): Transport {
  const merged = async (header: Parameters<Transport["unary"]>[3]): Promise<Headers> => {
    const all = new Headers(await headersOf());
    new Headers(header).forEach((value, name) => void all.set(name, value));
    return all;
  };
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const all = await merged(header);
      return transport.unary(method, signal, timeoutMs, all, input, contextValues);
    },
    async stream(method, signal, timeoutMs, header, input, contextValues) {
      const all = await merged(header);
      return transport.stream(method, signal, timeoutMs, all, input, contextValues);
    },
  };
}
