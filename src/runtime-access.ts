/** The part of the composition root that knows who may call: the ways to authenticate, as configured. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createApiKeyScheme } from "./auth/api-key-scheme.ts";
import { type ApiKeys, createApiKeys } from "./auth/api-keys.ts";
import { createAuthenticator } from "./auth/authenticator.ts";
import { anyCertificate, certificatePrincipals, readCertificates } from "./auth/certificates.ts";
import type { Approach, Authenticate, Peer } from "./auth/contract.ts";
import { createHook } from "./auth/hook.ts";
import { createJwtScheme } from "./auth/jwt/jwt-scheme.ts";
import { readKeysFile } from "./auth/keys-file.ts";
import type { Verified } from "./auth/scheme.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { invalidField } from "./errors.ts";
import { inOrder, type Service } from "./lifecycle.ts";
import { auditLogOf } from "./runtime-audit.ts";
import type { Store } from "./store/contract.ts";
import type { Principal } from "./tasks/principal.ts";
import type { AuditLog } from "./telemetry/audit-log.ts";
import type { Logger } from "./telemetry/logging.ts";

export interface Access extends Service {
  /** Undefined = nothing is configured: everybody on this machine may do everything. */
  readonly authenticate: Authenticate | undefined;
  readonly apiKeys: ApiKeys;
  /** Undefined = none is kept. */
  readonly auditLog: AuditLog | undefined;
  /** A key is valid no more. */
  readonly forgetKey: (keyId: string) => void;
}

export interface AccessParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Reads the files that the configuration names; throws `invalid_argument` for a bad one. */
export async function accessOf(config: Config, parts: AccessParts): Promise<Access> {
  const { access } = config;
  const { store, clock, logger } = parts;
  const onWarning = (message: string, error: unknown): void => logger.warn(message, { error });
  const fileKeys = access.apiKeysFile ? await readKeysFile(access.apiKeysFile) : new Map();
  const apiKeys = createApiKeyScheme({
    credentials: access.apiKeys ? store.credentials : undefined,
    fileKeys,
    clock,
    onWarning,
  });
  const auditLog = auditLogOf(config, 1, (message, fields) => logger.error(message, fields));
  const takesApiKeys = access.apiKeys || access.apiKeysFile !== undefined;
  const authenticator = createAuthenticator({
    clock,
    schemes: [
      ...(takesApiKeys ? [apiKeys] : []),
      ...(access.jwt ? [createJwtScheme({ options: access.jwt, clock, onWarning })] : []),
    ],
    certificates: await certificatesOf(config),
    hook: access.module === undefined ? undefined : await hookOf(access.module, clock),
  });
  warnOfCleartext(config, logger);
  return {
    ...inOrder([...(auditLog ? [auditLog] : []), apiKeys]),
    auditLog,
    authenticate: access.authenticating ? authenticator.authenticate : undefined,
    forgetKey: authenticator.forgetKey,
    apiKeys: createApiKeys({
      credentials: store.credentials,
      clock,
      onRevoked: authenticator.forgetKey,
    }),
  };
}

/** Without a file every certificate will do, but only where nothing else would have to be shown. */
async function certificatesOf({
  access,
  server,
}: Config): Promise<((peer: Peer) => Principal | undefined) | undefined> {
  if (access.clientPrincipalsFile !== undefined) {
    return certificatePrincipals(await readCertificates(access.clientPrincipalsFile));
  }
  const { apiKeys, apiKeysFile, jwt, module } = access;
  const isAlone = !apiKeys && (apiKeysFile ?? jwt ?? module) === undefined;
  return server.tls?.clientCaFile !== undefined && isAlone ? anyCertificate : undefined;
}

async function hookOf(
  place: string,
  clock: Clock,
): Promise<(approach: Approach) => Promise<Verified | undefined>> {
  const imported: unknown = await import(pathToFileURL(resolve(place)).href).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw invalidField("AUTH_MODULE", `${place} cannot be loaded: ${reason}`);
    },
  );
  return createHook(imported, place, clock);
}

function warnOfCleartext({ server, access }: Config, logger: Logger): void {
  const isLocal = /^(localhost|::1|127\..*)$/.test(server.host);
  if (isLocal || server.tls || !access.authenticating) return;
  logger.warn(
    "credentials come in the clear: set TLS_CERT and TLS_KEY, or let nothing but a proxy that ends TLS reach this port",
    { host: server.host },
  );
}
