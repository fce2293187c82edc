/** Ended spans as they will be sent: an ExportTraceServiceRequest that grows with each. */
import { ByteWriter } from "./byte-writer.ts";
import type { RecordedSpan } from "./recorded-span.ts";
import type { Scope } from "./scope.ts";
import { scopeBytes, writeSpan } from "./span-bytes.ts";

export class SpanBatch {
  readonly #scopes = new Map<Scope, ByteWriter>();
  #spanCount = 0;
  #byteCount = 0;

  get spanCount(): number {
    return this.#spanCount;
  }

  /** Of the spans; what encloses them is little more. */
  get byteCount(): number {
    return this.#byteCount;
  }

  add(span: RecordedSpan): void {
    const writer = this.#writerOf(span.scope);
    const before = writer.length;
    writeSpan(writer, span);
    this.#byteCount += writer.length - before;
    this.#spanCount++;
  }

  /** The whole request. `resource`: as `resourceBytes` gives it. */
  request(resource: Uint8Array): Uint8Array {
    const request = new ByteWriter();
    request.tag(1, 2);
    const at = request.open();
    request.raw(resource);
    for (const [{ schemaUrl }, spans] of this.#scopes) {
      request.tag(2, 2);
      const scopeAt = request.open();
      request.raw(spans.written());
      if (schemaUrl) {
        request.tag(3, 2);
        request.text(schemaUrl);
      }
      request.close(scopeAt);
    }
    request.close(at);
    return request.written();
  }

  #writerOf(scope: Scope): ByteWriter {
    const known = this.#scopes.get(scope);
    if (known) return known;
    const writer = new ByteWriter();
    writer.raw(scopeBytes(scope));
    this.#scopes.set(scope, writer);
    return writer;
  }
}
