/** Controls for choosing one of many: a list, a list with arrows, a number with arrows. */
import { useId, useState } from "preact/hooks";

/** One thing that can be chosen. */
export interface Option {
  readonly value: string;
  readonly text: string;
  /** Options of one group stand together below this heading. */
  readonly group?: string;
}

/** What {@linkcode Choose} shows. */
export interface ChooseProps {
  readonly name: string;
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChoose: (value: string) => void;
}

/** A list with its name. */
export function Choose({ name, value, options, onChoose }: ChooseProps) {
  const id = useId();
  return (
    <span class="choose">
      <label for={id}>{name}</label>
      <select id={id} value={value} onChange={(event) => onChoose(event.currentTarget.value)}>
        {grouped(options).map(([group, own]) => {
          const items = own.map((one) => (
            <option key={one.value} value={one.value} selected={one.value === value}>{one.text}</option>
          ));
          return group === undefined ? items : <optgroup key={group} label={group}>{items}</optgroup>;
        })}
      </select>
    </span>
  );
}

/** A list, and buttons that lead to the one before and the one after. */
export function Stepper(props: ChooseProps) {
  const { name, value, options, onChoose } = props;
  const at = options.findIndex((one) => one.value === value);
  const to = (k: number) => onChoose(options[k]!.value);
  return (
    <span class="stepper" role="group" aria-label={name}>
      <Choose {...props} />
      <Arrow name={`previous ${name.toLowerCase()}`} sign="‹" to={at > 0 ? () => to(at - 1) : undefined} />
      <Arrow
        name={`next ${name.toLowerCase()}`}
        sign="›"
        to={at >= 0 && at + 1 < options.length ? () => to(at + 1) : undefined}
      />
    </span>
  );
}

/** What {@linkcode Counter} shows. */
export interface CounterProps {
  readonly name: string;
  readonly value: number;
  /** Values go from 0 to `count` - 1. */
  readonly count: number;
  readonly onChoose: (value: number) => void;
}

/**
 * A number, typed or stepped. What is typed counts once it is confirmed, and is taken to the nearer end when
 * it is outside; what is no integer is dropped.
 */
export function Counter({ name, value, count, onChoose }: CounterProps) {
  const id = useId();
  // What is being typed stays while the page around it changes.
  const [draft, setDraft] = useState<string | undefined>();
  const choose = (next: number) => {
    setDraft(undefined);
    if (Number.isInteger(next) && count > 0) onChoose(Math.min(count - 1, Math.max(0, next)));
  };
  return (
    <span class="stepper" role="group" aria-label={name}>
      <span class="choose">
        <label for={id}>{name}</label>
        <span class="typed">
          <input
            id={id}
            type="number"
            inputMode="numeric"
            min={0}
            max={Math.max(0, count - 1)}
            value={draft ?? value}
            onInput={(event) => setDraft(event.currentTarget.value)}
            onChange={(event) => choose(event.currentTarget.valueAsNumber)}
          />{" "}
          <span class="of">of {count}</span>
        </span>
      </span>
      <Arrow
        name={`previous ${name.toLowerCase()}`}
        sign="‹"
        to={value > 0 ? () => choose(value - 1) : undefined}
      />
      <Arrow
        name={`next ${name.toLowerCase()}`}
        sign="›"
        to={value + 1 < count ? () => choose(value + 1) : undefined}
      />
    </span>
  );
}

/** A button that steps to a neighbour. */
interface ArrowProps {
  readonly name: string;
  /** What it shows. */
  readonly sign: string;
  /** Undefined: it leads nowhere. */
  readonly to: (() => void) | undefined;
}

/** Stays in the tab order where it leads nowhere, so that the focus is not lost. */
function Arrow({ name, sign, to }: ArrowProps) {
  return (
    <button type="button" class="arrow" aria-label={name} aria-disabled={to === undefined} onClick={to}>
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

/** Options by their group, in the order in which groups first occur. */
function grouped(options: readonly Option[]): [string | undefined, Option[]][] {
  const groups = new Map<string | undefined, Option[]>();
  for (const one of options) groups.set(one.group, [...groups.get(one.group) ?? [], one]);
  return [...groups];
}
