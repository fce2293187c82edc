/**
 * Which addresses a request may go to that this program makes: what is not public is another service's
 * inside, which whoever names a host, answers its DNS or redirects must not reach through us.
 */
import { BlockList, isIP } from "node:net";
import { AgentlaneError } from "./errors.ts";

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface OutboundPolicy {
  /**
   * Throws `permission_denied` for addresses that `host` must not lead to; one bad one is enough.
   * `configured`: the host that the operator has configured.
   */
  check(host: string, addresses: readonly Address[], configured: string): void;
}

/** Not public, by https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 sister. */
const PRIVATE: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/127",
  // IPv4 in IPv6: mapped, translated, 6to4 and Teredo lead to addresses that are not looked at.
  "::ffff:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "fc00::/7",
  "fec0::/10",
  "ff00::/8",
];

/** Where clouds answer with credentials; nobody configures it as a server by mistake. */
const LINK_LOCAL: readonly string[] = ["169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128"];

/** Names that only the inside can answer for: whoever configures one means the inside. */
const OWN_NAME = /^[^.]+$|\.(localhost|local|internal)$/i;

/** `allowed`: hosts, addresses and networks (10.0.0.0/8) that may be reached whatever they are. */
export function createOutboundPolicy(allowed: readonly string[]): OutboundPolicy {
  const privateNetworks = networks([...PRIVATE, ...LINK_LOCAL]);
  const linkLocal = networks(LINK_LOCAL);
  const allowedHosts = new Set(allowed.map((entry) => entry.toLowerCase()));
  const allowedNetworks = networks(
    allowed.filter((entry) => isIP(entry.split("/")[0] ?? "") !== 0),
  );
  return {
    check(host, addresses, configured) {
      if (allowedHosts.has(host)) return;
      const isOwn = host === configured && (isIP(host) !== 0 || OWN_NAME.test(host));
      for (const { address, family } of addresses) {
        const kind = family === 6 ? "ipv6" : "ipv4";
        if (allowedNetworks.check(address, kind)) continue;
        const refused = isOwn ? linkLocal : privateNetworks;
        if (refused.check(address, kind)) throw blocked(host);
      }
    },
  };
}

/** A network of one address needs no "/32". */
function networks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const kind = isIP(address) === 6 ? "ipv6" : "ipv4";
    list.addSubnet(
      address,
      prefix === undefined ? (kind === "ipv6" ? 128 : 32) : Number(prefix),
      kind,
    );
  }
  return list;
}

/** Says nothing of the address: that would map the inside for whoever asks. */
function blocked(host: string): AgentlaneError {
  return new AgentlaneError(
    "permission_denied",
    "OUTBOUND_ADDRESS_BLOCKED",
    `${host} leads to an address that is not public: list it in OUTBOUND_ALLOW if it may be reached`,
  );
}
