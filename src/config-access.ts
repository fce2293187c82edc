/** Variables of who may call. */
import { z } from "zod";
import { choice, file, flag, maybe, preset, seconds } from "./config-fields.ts";

/** What tokens may be signed with: asymmetric, see JwtOptions. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
] as const;

/** Without protection it must not leave the machine: whoever stands in between would make the keys. */
const secureUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  if (url?.protocol === "https:") return true;
  return url?.protocol === "http:" && isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
});

const list = z
  .string()
  .transform((text) => text.split(",").map((item) => item.trim()))
  .pipe(z.array(z.string().min(1)).min(1));

const claim = (fallback: string, meaning: string) =>
  preset(z.string().regex(/^\S{1,256}$/), fallback, { expects: "the name of a claim", meaning });

export const access = {
  API_KEYS: flag("false", "true = API keys that `agentlane keys` made are accepted."),
  API_KEYS_FILE: file(
    "API keys, hashed, that are accepted too; `agentlane keys create --file` writes it.",
    "/etc/agentlane/keys.json",
  ),
  JWT_ISSUER: maybe(secureUrl, {
    expects: "an https:// URL, or an http:// one of this machine",
    example: "https://login.example.com/",
    meaning: "Tokens (JWT) of this issuer are accepted; its `iss`.",
  }),
  JWT_AUDIENCE: maybe(list, {
    expects: "names separated by commas",
    example: "agentlane",
    meaning: "Their `aud` must have one of these.",
  }),
  JWT_JWKS: maybe(z.union([secureUrl, z.string().regex(/^(?!https?:)./i)]), {
    expects: "an https:// URL, an http:// one of this machine, or the path of a file",
    example: "https://login.example.com/jwks.json",
    meaning: "The keys they are signed with. Default: what the issuer's discovery document names.",
  }),
  JWT_ALGORITHMS: preset(list.pipe(z.array(z.enum(ALGORITHMS))), "RS256,PS256,ES256,EdDSA", {
    expects: `some of ${ALGORITHMS.join(", ")}, separated by commas`,
    meaning: "What they may be signed with.",
  }),
  JWT_CLOCK_SKEW: seconds("30", "How far the issuer's clock may be off, in seconds."),
  JWT_TENANT_CLAIM: claim("tenant", "The claim that names the tenant; dots lead into objects."),
  JWT_SUBJECT_CLAIM: claim("sub", "The claim that says who it is."),
  JWT_ROLES_CLAIM: claim("roles", "The claim with the roles, a list or a text with spaces."),
  JWT_AGENTS_CLAIM: claim("agents", "The claim with the only agents, likewise; absent = all."),
  JWT_TENANT: maybe(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/), {
    expects: "the name of a tenant",
    example: "default",
    meaning: "Tenant of tokens without the claim. Default: such tokens are refused.",
  }),
  TLS_CLIENT_PRINCIPALS: file(
    "Which client certificate is which principal (JSON). Default: where nothing else authenticates, every certificate of TLS_CLIENT_CA may submit, read and operate as the tenant default.",
    "/etc/agentlane/certificates.json",
  ),
  TLS_CLIENT_AUTH: choice(
    ["required", "optional"],
    "required",
    "required = no connection without a certificate of TLS_CLIENT_CA; optional = other credentials will do.",
  ),
  AUTH_MODULE: file(
    "A module whose function `authenticate` decides about other credentials.",
    "./authenticate.js",
  ),
  REFLECTION: flag("true", "false = clients cannot ask for the contract (grpc.reflection)."),
};

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
