/** The short form of `npm run test:faults -- --only sqlite`. */
import { sqliteBackend } from "./backends/sqlite.ts";
import { testShortForm } from "./short-form.ts";

// A process that is frozen or blocked cannot be killed meanwhile, and there is only one.
const kinds = ["kill-server"];

testShortForm({ backend: sqliteBackend, isAvailable: true, loadMs: 20_000, kinds });
