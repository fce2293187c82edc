/** Variables of how content is encrypted before it is stored. */
import { file } from "./config-fields.ts";

export const encryption = {
  PAYLOAD_KEYS_FILE: file(
    "Keys that content is encrypted with before it is stored (docs/encryption.md); read again when it changes. Default: content is stored as it is.",
    "/etc/agentlane/payload-keys.json",
  ),
  PAYLOAD_CODEC_MODULE: file(
    "A module whose functions `encode` and `decode` encrypt instead, for keys of a KMS; a keys file beside it only decrypts.",
    "./payload-codec.js",
  ),
};
