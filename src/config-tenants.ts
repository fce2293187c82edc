/** Variables about what tenants may have. */
import { file } from "./config-fields.ts";

export const tenants = {
  TENANTS_FILE: file(
    "Weights and limits of tenants (docs/tenants.md); read again when it changes. Default: no limits.",
    "./tenants.json",
  ),
};
