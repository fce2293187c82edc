/** What every adapter of the Store seam does. An adapter's test calls it with one line. */
import { afterEach, beforeEach, describe } from "vitest";
import { encryptStore } from "../../src/encryption/encrypted-store.ts";
import { contentOf, newKeys } from "../harness/encryption.ts";
import { heardStore } from "../harness/heard-store.ts";
import { acceptCases } from "./store/accept-cases.ts";
import { attemptCases } from "./store/attempt-cases.ts";
import { changeCases } from "./store/change-cases.ts";
import { credentialCases } from "./store/credential-cases.ts";
import { deadLetterCases } from "./store/dead-letter-cases.ts";
import { deletionCases } from "./store/deletion-cases.ts";
import { laneCases } from "./store/lane-cases.ts";
import { leaseCases } from "./store/lease-cases.ts";
import { quotaCases } from "./store/quota-cases.ts";
import { raceCases } from "./store/race-cases.ts";
import { readCases } from "./store/read-cases.ts";
import { retryCases } from "./store/retry-cases.ts";
import { Scene, type StoreFixture } from "./store/scene.ts";
import { sessionCases } from "./store/session-cases.ts";
import { sizeCases } from "./store/size-cases.ts";
import { tenantCases } from "./store/tenant-cases.ts";

/** Twice: as it is, and with all content encrypted on its way into it. */
export function storeConformance(name: string, makeFixture: () => Promise<StoreFixture>): void {
  runSuite(name, makeFixture);
  runSuite(`${name}, encrypted`, async () => {
    const fixture = await makeFixture();
    const content = contentOf(newKeys("k1"));
    const make = async () => heardStore(encryptStore(await fixture.make(), content), content);
    return { ...fixture, make };
  });
}

function runSuite(name: string, makeFixture: () => Promise<StoreFixture>): void {
  describe(`${name} as a Store`, () => {
    const scene = new Scene();
    beforeEach(async () => scene.open(await makeFixture()));
    afterEach(() => scene.close());

    acceptCases(scene);
    laneCases(scene);
    attemptCases(scene);
    leaseCases(scene);
    retryCases(scene);
    deadLetterCases(scene);
    changeCases(scene);
    sessionCases(scene);
    readCases(scene);
    sizeCases(scene);
    raceCases(scene);
    deletionCases(scene);
    tenantCases(scene);
    quotaCases(scene);
    credentialCases(scene);
  });
}
