/** Client certificates: which of them is which principal, by a file. */
import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { invalidField } from "../errors.ts";
import { DEFAULT_TENANT, type Principal } from "../tasks/principal.ts";
import type { Peer } from "./contract.ts";
import { principalFields, principalOf, problemsOf } from "./principal-fields.ts";

const MAX_SUBJECT_CHARS = 256;

const entrySchema = z
  .strictObject({
    /** All of these attributes, e.g. {"CN": "billing", "O": "Acme"}. */
    subject: z
      .record(z.string(), z.string())
      .refine((attributes) => Object.keys(attributes).length > 0)
      .optional(),
    /** An entry of the alternative names, e.g. "URI:spiffe://acme/billing" or "DNS:billing.acme". */
    san: z.string().min(1).optional(),
    /** SHA-256 of the certificate, in hexadecimal; pins it. */
    fingerprint: z
      .string()
      .regex(/^([0-9a-f]{2}:?){32}$/i)
      .optional(),
    ...principalFields,
  })
  .refine(({ subject, san, fingerprint }) => (subject ?? san ?? fingerprint) !== undefined, {
    error: "subject, san or fingerprint is required",
  });

const fileSchema = z.strictObject({
  certificates: z.array(entrySchema).min(1).max(10_000),
});

export type CertificateEntry = z.infer<typeof entrySchema>;

/** Throws `invalid_argument` that names TLS_CLIENT_PRINCIPALS. */
export async function readCertificates(path: string): Promise<readonly CertificateEntry[]> {
  let reason: string;
  try {
    const { data, error } = fileSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
    if (data) return data.certificates;
    reason = problemsOf(error);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw invalidField("TLS_CLIENT_PRINCIPALS", `${path} cannot be used: ${reason}`);
}

/** Where certificates are all there is and no file tells them apart. */
export function anyCertificate({ certificate }: Peer): Principal | undefined {
  if (!certificate) return undefined;
  return {
    tenant: DEFAULT_TENANT,
    subject: `certificate:${certificate.subject.replaceAll("\n", ",").slice(0, MAX_SUBJECT_CHARS)}`,
    roles: new Set([AccessRole.SUBMIT, AccessRole.READ, AccessRole.OPERATE]),
  };
}

/** The first entry that fits counts. */
export function certificatePrincipals(
  entries: readonly CertificateEntry[],
): (peer: Peer) => Principal | undefined {
  /** A connection has one certificate for life. */
  const known = new WeakMap<Peer, { principal: Principal | undefined }>();
  return (peer) => {
    const before = known.get(peer);
    if (before) return before.principal;
    const principal = peer.certificate && principalOfCertificate(peer.certificate, entries);
    known.set(peer, { principal });
    return principal;
  };
}

function principalOfCertificate(
  certificate: X509Certificate,
  entries: readonly CertificateEntry[],
): Principal | undefined {
  const subject = Object.entries(certificate.toLegacyObject().subject);
  const names = splitNames(certificate.subjectAltName ?? "");
  const fingerprint = plain(certificate.fingerprint256);
  const entry = entries.find((each) => {
    const wanted = Object.entries(each.subject ?? {});
    return (
      wanted.every(([name, value]) => subject.some(([n, v]) => n === name && v === value)) &&
      (each.san === undefined || names.includes(each.san)) &&
      (each.fingerprint === undefined || plain(each.fingerprint) === fingerprint)
    );
  });
  return entry && principalOf(entry, subjectOf(entry));
}

/** What it was recognized by. */
function subjectOf({ subject = {}, san, fingerprint }: CertificateEntry): string {
  const attributes = Object.entries(subject).map(([name, value]) => `${name}=${value}`);
  const parts = [...attributes, san ?? [], fingerprint ? plain(fingerprint) : []].flat();
  return `certificate:${parts.join(",")}`;
}

/** Node.js puts names that hold a comma in quotation marks: so a name cannot pose as two. */
function splitNames(text: string): string[] {
  return text.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g)?.map((name) => name.trim()) ?? [];
}

function plain(fingerprint: string): string {
  return fingerprint.replaceAll(":", "").toLowerCase();
}
