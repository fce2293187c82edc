/** All attacks, by the server that they are for. */
import type { Attack } from "./attack.ts";
import { BOMBS } from "./bombs.ts";
import { rabbitAttacks, redisAttacks } from "./brokers.ts";
import { FLOODS } from "./floods.ts";
import { INJECTIONS } from "./injection.ts";
import { SLOW } from "./slow.ts";

/** Of the brokers that run; absent = its attacks are left out. */
export interface BrokerUrls {
  readonly redis?: string | undefined;
  readonly rabbit?: string | undefined;
}

export interface Group {
  readonly name: string;
  readonly attacks: readonly Attack[];
  /** Of the server. */
  readonly environment: Readonly<Record<string, string>>;
}

export function groupsOf({ redis, rabbit }: BrokerUrls): readonly Group[] {
  const debug = { LOG_LEVEL: "debug" };
  const groups: Group[] = [
    { name: "bombs", attacks: BOMBS, environment: {} },
    { name: "floods", attacks: FLOODS, environment: {} },
    { name: "slow", attacks: SLOW, environment: {} },
    { name: "injections", attacks: INJECTIONS, environment: debug },
  ];
  if (redis !== undefined) {
    const queue = { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis };
    const again = INJECTIONS.map((attack) => ({ ...attack, isVariant: true }));
    const attacks = [...redisAttacks(redis), ...again];
    groups.push({ name: "Redis", attacks, environment: { ...queue, ...debug } });
  }
  if (redis !== undefined && rabbit !== undefined) {
    const queue = { MESSAGE_QUEUE_TYPE: "rabbitmq", RABBITMQ_URL: rabbit, STORE_URL: redis };
    const environment = { ...queue, ...debug, REDIS_KEY_PREFIX: "rabbit" };
    groups.push({ name: "RabbitMQ", attacks: rabbitAttacks(rabbit), environment });
  }
  return groups;
}

export function attackOf(urls: BrokerUrls, group: string, name: string): Attack {
  const attacks = groupsOf(urls).find((each) => each.name === group)?.attacks;
  const attack = attacks?.find((each) => each.name === name);
  if (!attack) throw new Error(`there is no attack ${group}: ${name}`);
  return attack;
}
