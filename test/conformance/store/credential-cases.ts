import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  type ApiKeyRecord,
  ApiKeyRecordSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import { AccessRole, type ApiKeySchema } from "../../../gen/agentlane/v1/admin_service_pb.js";
import { timestamp } from "../../../src/timestamp.ts";
import type { Scene } from "./scene.ts";

const LIMITS = { maxCount: 100, forgetBeforeMs: 0 };
const ALL = { size: 100, token: "" };

function key(keyId: string, overrides: MessageInitShape<typeof ApiKeySchema> = {}): ApiKeyRecord {
  return create(ApiKeyRecordSchema, {
    key: {
      keyId,
      name: "billing",
      tenant: "acme",
      roles: [AccessRole.SUBMIT, AccessRole.READ],
      agentIds: ["echo"],
      createdAt: timestamp(1000),
      createdBy: "certificate:CN=root",
      ...overrides,
    },
    secretHash: new TextEncoder().encode(`hash of ${keyId}`),
  });
}

export function credentialCases(scene: Scene): void {
  const ids = async (tenant?: string): Promise<(string | undefined)[]> => {
    const { items } = await scene.store.credentials.list(tenant, ALL);
    return items.map((record) => record.key?.keyId);
  };

  describe("credentials", () => {
    it("finds a key as it was added, and nothing for an unknown id", async () => {
      await scene.store.credentials.add(key("k1", { expiresAt: timestamp(90_000) }), LIMITS);
      expect(await scene.store.credentials.find("k1")).toEqual(
        key("k1", { expiresAt: timestamp(90_000) }),
      );
      expect(await scene.store.credentials.find("k2")).toBeUndefined();
      expect(await scene.store.credentials.find("")).toBeUndefined();
    });

    it("takes a repeat for the same key and refuses another with its id", async () => {
      await scene.store.credentials.add(key("k1"), LIMITS);
      await scene.store.credentials.revoke("k1", 5000);
      await scene.store.credentials.add(key("k1"), LIMITS);
      const revoked = await scene.store.credentials.find("k1");
      expect(revoked?.key?.revokedAt).toEqual(timestamp(5000));
      const other = scene.store.credentials.add(key("k1", { tenant: "other" }), LIMITS);
      await expect(other).rejects.toMatchObject({ kind: "already_exists" });
    });

    it("lists by id, page by page, of all tenants or of one", async () => {
      for (const id of ["k3", "k1", "k4", "k2"]) {
        const tenant = id === "k2" ? "blue" : "acme";
        await scene.store.credentials.add(key(id, { tenant }), LIMITS);
      }
      expect(await ids()).toEqual(["k1", "k2", "k3", "k4"]);
      expect(await ids("acme")).toEqual(["k1", "k3", "k4"]);
      expect(await ids("acm")).toEqual([]);
      const pages: (string | undefined)[][] = [];
      let token = "";
      do {
        const page = await scene.store.credentials.list("acme", { size: 2, token });
        pages.push(page.items.map((record) => record.key?.keyId));
        token = page.nextToken;
      } while (token !== "");
      expect(pages).toEqual([["k1", "k3"], ["k4"]]);
      const foreign = scene.store.credentials.list(undefined, { size: 2, token: "nonsense" });
      await expect(foreign).rejects.toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
    });

    it("lets the first revocation stand", async () => {
      await scene.store.credentials.add(key("k1"), LIMITS);
      const first = await scene.store.credentials.revoke("k1", 5000);
      expect(first).toEqual(key("k1", { revokedAt: timestamp(5000) }));
      expect(await scene.store.credentials.revoke("k1", 4000)).toEqual(first);
      expect(await scene.store.credentials.find("k1")).toEqual(first);
      expect(await scene.store.credentials.revoke("k2", 5000)).toBeUndefined();
    });

    it("keeps the latest use", async () => {
      await scene.store.credentials.add(key("k1"), LIMITS);
      for (const atMs of [7000, 6000]) await scene.store.credentials.markUsed("k1", atMs);
      await scene.store.credentials.markUsed("k2", 6000);
      expect(await scene.store.credentials.find("k1")).toEqual(
        key("k1", { lastUsedAt: timestamp(7000) }),
      );
      expect(await ids()).toEqual(["k1"]);
    });

    it("takes no more keys than it may, and forgets the dead for new ones", async () => {
      const add = (id: string, forgetBeforeMs: number, expiresAtMs?: number): Promise<void> => {
        const record = key(
          id,
          expiresAtMs === undefined ? {} : { expiresAt: timestamp(expiresAtMs) },
        );
        return scene.store.credentials.add(record, { maxCount: 3, forgetBeforeMs });
      };
      await add("lives", 0);
      await add("expires", 0, 5000);
      await add("revoked", 0, 90_000);
      await scene.store.credentials.revoke("revoked", 6000);
      const full = { kind: "resource_exhausted", reason: "TOO_MANY_API_KEYS", retryable: false };
      await expect(add("new", 5000)).rejects.toMatchObject(full);
      await add("new", 5001);
      expect(await ids()).toEqual(["lives", "new", "revoked"]);
      await expect(add("newer", 6000)).rejects.toMatchObject(full);
      await add("newer", 6001);
      expect(await ids()).toEqual(["lives", "new", "newer"]);
      await expect(add("newest", 1e12)).rejects.toMatchObject(full);
    });

    it("keeps texts of any kind apart", async () => {
      const odd = ["a:b", "a%3ab", "a b", "a\u0000b", "ä"];
      for (const id of odd) await scene.store.credentials.add(key(id, { tenant: id }), LIMITS);
      for (const id of odd) {
        expect((await scene.store.credentials.find(id))?.key?.tenant).toBe(id);
        expect(await ids(id)).toEqual([id]);
      }
    });

    it("adds one of two keys that race for the last place", async () => {
      const limits = { maxCount: 1, forgetBeforeMs: 0 };
      const added = await Promise.allSettled(
        ["k1", "k2", "k3"].map((id) => scene.store.credentials.add(key(id), limits)),
      );
      expect(added.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await ids()).toHaveLength(1);
    });
  });
}
