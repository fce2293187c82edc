import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { LogEntrySchema } from "../../../gen/agentlane/store/v1/record_pb.js";
import { TaskSchema, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Page, PageRequest, TaskRef } from "../../../src/store/contract.ts";
import { MAX_PAGE_BYTES } from "../../../src/store/page-bytes.ts";
import { TENANT, taskError, taskResult, userMessage } from "../../harness/builders.ts";
import { retried, type Scene, told } from "./scene.ts";

const MIB = 1024 * 1024;
const LARGE = "x".repeat(MIB - 1000);
const COUNT = 12;
const PAGE_OF_LARGE_COUNT = MAX_PAGE_BYTES / MIB;

export function sizeCases(scene: Scene): void {
  /** All pages of a list, none of them empty. */
  async function pagesOf<T>(
    size: number,
    list: (page: PageRequest) => Promise<Page<T>>,
  ): Promise<T[][]> {
    const pages: T[][] = [];
    let token = "";
    do {
      const page = await list({ size, token });
      expect(page.items.length).toBeGreaterThan(0);
      pages.push(page.items);
      token = page.nextToken;
    } while (token !== "");
    return pages;
  }

  async function logPages(ref: TaskRef, limit: number) {
    const pages: Awaited<ReturnType<typeof scene.entries>>[] = [];
    let after = 0;
    for (;;) {
      const { entries, lastSequence } = await scene.store.log.read(ref, after, limit);
      expect(entries[0]?.sequence).toBe(after + 1);
      pages.push(entries);
      after = entries.at(-1)?.sequence ?? lastSequence;
      if (after === lastSequence) return pages;
    }
  }

  const sizes = (pages: readonly (readonly unknown[])[]): number[] =>
    pages.map(({ length }) => length);

  describe("large payloads", () => {
    it("are read in pages of some bytes, each entry once", async () => {
      const claim = await scene.run();
      for (let index = 0; index < COUNT; index++) await scene.append(claim, `${index}${LARGE}`);
      const pages = await logPages(claim.lease, 256);
      expect(pages.flat().map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: COUNT + 2 }, (_, index) => index + 1),
      );
      expect(sizes(pages)).toEqual([2 + PAGE_OF_LARGE_COUNT, 2, 2, 2, 2, 2]);
      const entryBytes = (page: (typeof pages)[number]): number =>
        page.reduce((sum, entry) => sum + toBinary(LogEntrySchema, entry).length, 0);
      for (const page of pages) expect(entryBytes(page)).toBeLessThanOrEqual(MAX_PAGE_BYTES);
      expect(sizes(await logPages(claim.lease, 1))).toEqual(Array(COUNT + 2).fill(1));
    });

    it("are read alone where one is larger than a page", async () => {
      const claim = await scene.run();
      await scene.append(claim, "a", LARGE.repeat(3), "b");
      const pages = await logPages(claim.lease, 256);
      expect(sizes(pages)).toEqual([3, 1, 1]);
      expect(told(pages[2] ?? [])).toEqual(["5 b"]);
    });

    it("do not shorten pages of small entries", async () => {
      const claim = await scene.run();
      await scene.append(claim, ...Array.from({ length: 300 }, (_, index) => `${index}`));
      expect(sizes(await logPages(claim.lease, 256))).toEqual([256, 46]);
    });

    it("of results are listed in pages of some bytes, each task once", async () => {
      const taskIds: string[] = [];
      for (let index = 0; index < COUNT; index++) {
        const claim = await scene.run({ task: { metadata: { even: `${index % 2 === 0}` } } });
        const result = taskResult(`${index}${LARGE}`);
        await scene.finish(claim, { state: TaskState.COMPLETED, result });
        taskIds.unshift(claim.lease.taskId);
      }
      for (const size of [50, 2, 1]) {
        const pages = await pagesOf(size, (page) => scene.store.log.list(TENANT, {}, page));
        expect(pages.flat().map(({ taskId }) => taskId)).toEqual(taskIds);
        const bytes = pages.map((page) =>
          page.reduce((sum, task) => sum + toBinary(TaskSchema, task).length, 0),
        );
        for (const each of bytes) expect(each).toBeLessThanOrEqual(MAX_PAGE_BYTES);
        expect(Math.max(...sizes(pages))).toBe(Math.min(size, PAGE_OF_LARGE_COUNT));
      }
      const filter = { metadata: { even: "true" } };
      const filtered: string[] = [];
      let token = "";
      do {
        const page = await scene.store.log.list(TENANT, filter, { size: 50, token });
        filtered.push(...page.items.map(({ taskId }) => taskId));
        token = page.nextToken;
      } while (token !== "");
      expect(filtered).toEqual(taskIds.filter((_, index) => index % 2 === 1));
    });

    it("of failures are listed in pages of some bytes, with the total on each", async () => {
      const taskIds: string[] = [];
      for (let index = 0; index < COUNT; index++) {
        const claim = await scene.run();
        const error = taskError({ retryable: false, message: `${index}${LARGE}` });
        await scene.finish(claim, { state: TaskState.FAILED, error });
        taskIds.unshift(claim.lease.taskId);
      }
      for (const size of [50, 1]) {
        const pages = await pagesOf(size, async (request) => {
          const page = await scene.store.deadLetters.list(TENANT, {}, request);
          expect(page.totalCount).toBe(COUNT);
          return page;
        });
        expect(pages.flat().map(({ taskId }) => taskId)).toEqual(taskIds);
        // The error is kept with the attempt too.
        expect(Math.max(...sizes(pages))).toBeLessThanOrEqual(PAGE_OF_LARGE_COUNT);
      }
    });

    it("are left out of expired leases, which all end", async () => {
      const taskIds: string[] = [];
      for (let index = 0; index < COUNT; index++) {
        const { lease } = await scene.run({
          request: { messages: [userMessage(`${index}${LARGE}`)] },
        });
        taskIds.push(lease.taskId);
      }
      await scene.outliveLeases();
      const ended: string[] = [];
      for (;;) {
        const expired = await scene.store.tasks.expired(100);
        for (const { lease, record } of expired) {
          expect(record.request).toBeUndefined();
          expect(record).toMatchObject({
            tenant: TENANT,
            timeoutMs: 300_000n,
            initialBackoffMs: 1000n,
            backoffMultiplier: 2,
            maxBackoffMs: 60_000n,
            fence: lease.fence,
            task: { taskId: lease.taskId, maxAttempts: 3, state: TaskState.RUNNING },
          });
          const ending = { ...retried(0), leaseExpired: true };
          const finish = { afterSequence: 0, events: [], ending, ifExpired: true };
          await scene.store.tasks.finish(lease, finish);
          ended.push(lease.taskId);
        }
        if (expired.length === 0) break;
      }
      expect(ended.sort()).toEqual(taskIds);
      const [first = ""] = taskIds;
      await scene.sweep();
      const again = await scene.claim({ tenant: TENANT, taskId: first });
      expect(again.record.request?.messages).toEqual([userMessage(`0${LARGE}`)]);
    });
  });
}
