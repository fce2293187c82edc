/** What every adapter of the Store seam does. An adapter's test calls it with one line. */
import { afterEach, beforeEach, describe } from "vitest";
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

export function storeConformance(name: string, makeFixture: () => Promise<StoreFixture>): void {
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
