/** The small parts that all pages are made of. */
import { type ComponentChildren, cloneElement, type VNode } from "preact";
import { useId, useState } from "preact/hooks";
import { formatAgo, formatInstant, shortId } from "../model/format.ts";
import type { Tone } from "../model/states.ts";
import type { Failure } from "../services/failure.ts";
import { useNow } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Icon, type IconName } from "./icons.tsx";

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge tone-${tone}`}>{children}</span>;
}

interface ButtonProps {
  readonly onClick?: () => void;
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  readonly icon?: IconName;
  /** Where there is nothing but an icon. */
  readonly label?: string;
  readonly children?: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { kind = "plain", type = "button", disabled = false, icon, label } = props;
  return (
    <button
      type={type}
      class={`button ${kind}${props.children === undefined ? " square" : ""}`}
      disabled={disabled}
      aria-label={label}
      title={label}
      onClick={() => props.onClick?.()}
    >
      {icon && <Icon name={icon} />}
      {props.children}
    </button>
  );
}

interface CardProps {
  readonly title?: string;
  readonly hint?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly flush?: boolean;
  readonly children: ComponentChildren;
}

/** A titled surface. `flush`: what is in it reaches its edges. */
export function Card({ title, hint, actions, flush = false, children }: CardProps) {
  return (
    <section class={`card${flush ? " flush" : ""}`} aria-label={title}>
      {title && (
        <header class="card-head">
          <h2>{title}</h2>
          {hint && <span class="hint">{hint}</span>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

interface PageHeadProps {
  readonly title: string;
  /** Above the title: where this page belongs. */
  readonly above?: ComponentChildren;
  readonly beside?: ComponentChildren;
  readonly lead?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

export function PageHead({ title, above, beside, lead, actions }: PageHeadProps) {
  return (
    <header class="page-head">
      <div class="page-title">
        {above && <p class="above">{above}</p>}
        <div class="title-line">
          <h1 tabIndex={-1}>{title}</h1>
          {beside}
        </div>
        {lead && <p class="lead">{lead}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </header>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="loading" role="status">
      <span class="skeleton" />
      <span class="skeleton" />
      <span class="skeleton" />
      <span class="sr-only">Loading {what}…</span>
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly action?: ComponentChildren;
}

export function Empty({ title, children, action }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function FailureNote({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div class="note tone-bad" role="alert">
      <p>
        <strong>{failure.message}</strong>
      </p>
      {failure.violations.length > 0 && (
        <ul>
          {failure.violations.map(({ field, description }) => (
            <li key={field}>
              <code>{field}</code>: {description}
            </li>
          ))}
        </ul>
      )}
      <p class="note-foot">
        <code>{[failure.code, failure.reason].filter(Boolean).join(" · ")}</code>
        {retry && (
          <Button kind="quiet" icon="refresh" onClick={retry}>
            Try again
          </Button>
        )}
      </p>
    </div>
  );
}

/** Relative, with the instant for those who point at it. */
export function Ago({ at }: { at: number | undefined }) {
  const now = useNow();
  if (at === undefined) return <>–</>;
  return <time title={formatInstant(at)}>{formatAgo(at, now)}</time>;
}

export function Id({ id, whole = false }: { id: string; whole?: boolean }) {
  return (
    <code class={whole ? "id" : "id id-short"} title={id}>
      {whole ? id : shortId(id)}
    </code>
  );
}

/** Nothing where the browser has no clipboard for us: pages without TLS, but for localhost. */
export function Copy({ text, what }: { text: string; what: string }) {
  const { clock } = useServices();
  const [copied, setCopied] = useState(false);
  if (!("clipboard" in navigator)) return null;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    await clock.sleep(1500, new AbortController().signal);
    setCopied(false);
  };
  return (
    <button
      type="button"
      class="copy"
      aria-label={copied ? `${what} copied` : `Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <Icon name={copied ? "check" : "copy"} />
    </button>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: string;
  /** The control. */
  readonly children: VNode;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const described = hint ? { "aria-describedby": `${id}-hint` } : {};
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {cloneElement(children, { id, ...described })}
      {hint && (
        <span class="field-hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

export interface Fact {
  readonly name: string;
  readonly value: ComponentChildren;
  /** Left out. */
  readonly absent?: boolean;
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="facts">
      {facts
        .filter(({ absent = false }) => !absent)
        .map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
