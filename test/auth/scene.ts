/** An authenticator as the runtime puts it together, over a memory store. */
import type { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { createApiKeyScheme } from "../../src/auth/api-key-scheme.ts";
import { type ApiKeys, createApiKeys, type NewApiKey } from "../../src/auth/api-keys.ts";
import { type Authenticator, createAuthenticator } from "../../src/auth/authenticator.ts";
import type { Admission, Peer } from "../../src/auth/contract.ts";
import { createJwtScheme, type JwtOptions } from "../../src/auth/jwt/jwt-scheme.ts";
import type { Clock } from "../../src/clock.ts";
import type { CredentialStore } from "../../src/store/credential-contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { ALL_ROLES, type Principal } from "../../src/tasks/principal.ts";
import { AUDIENCE, ISSUER } from "./tokens.ts";

export interface AuthScene {
  readonly authenticator: Authenticator;
  readonly apiKeys: ApiKeys;
  /** A token of a new key with these fields. */
  key(overrides?: Partial<NewApiKey>): Promise<{ token: string; keyId: string }>;
  /** Who a token is, called with it from an address. */
  who(token: string | undefined, address?: string): Promise<Principal | undefined>;
  admit(token: string | undefined, address?: string): Promise<Admission | undefined>;
}

export interface AuthSceneParts {
  readonly clock: Clock;
  readonly credentials?: CredentialStore;
  readonly jwt?: Partial<JwtOptions> & Pick<JwtOptions, "jwks">;
}

export function authScene({ clock, jwt, ...parts }: AuthSceneParts): AuthScene {
  const credentials = parts.credentials ?? createMemoryStore({ clock }).credentials;
  const onWarning = (): void => undefined;
  const keyScheme = createApiKeyScheme({ credentials, fileKeys: new Map(), clock, onWarning });
  const options = jwt && { ...JWT, ...jwt };
  const authenticator = createAuthenticator({
    clock,
    schemes: [keyScheme, ...(options ? [createJwtScheme({ options, clock, onWarning })] : [])],
    certificates: undefined,
    hook: undefined,
  });
  const apiKeys = createApiKeys({ credentials, clock, onRevoked: authenticator.forgetKey });
  async function admit(token: string | undefined, address = "192.0.2.1") {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const peer: Peer = { address, certificate: undefined };
    return authenticator.authenticate({ headers, peer });
  }
  return {
    authenticator,
    apiKeys,
    async key(overrides = {}) {
      const { key, token } = await apiKeys.create({ ...KEY, ...overrides });
      return { token, keyId: key.keyId };
    },
    async who(token, address) {
      return (await admit(token, address))?.principal;
    },
    admit,
  };
}

const JWT: JwtOptions = {
  issuer: ISSUER,
  audiences: [AUDIENCE],
  jwks: undefined,
  algorithms: ["ES256", "RS256"],
  clockSkewMs: 30_000,
  claims: { tenant: "tenant", subject: "sub", roles: "roles", agents: "agents" },
  defaultTenant: undefined,
};

const KEY: NewApiKey = {
  name: "test",
  tenant: "acme",
  roles: [...ALL_ROLES],
  agentIds: [],
  validForMs: undefined,
  createdBy: "test",
};

export function without(...roles: readonly AccessRole[]): AccessRole[] {
  return [...ALL_ROLES].filter((role) => !roles.includes(role));
}
