/**
 * What `plca view` shows: the run as it goes on, and its associations.
 *
 * The server watches the run folder and counts its changes: the *revision*. It pushes that number, and
 * nothing else, over an event stream; the page then asks for what it shows. So a page that was asleep, or
 * lost the connection, catches up with one answer. When the stream breaks, the page says so and keeps what it
 * has; the browser connects again by itself.
 *
 * The part after `#` in a question's address never reaches the server. It is there to make the question a
 * different one, so that it is asked again ({@linkcode useAnswer}).
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ReportData } from "../report/report_data.ts";
import type { ServedPictures, ServedRun } from "../view/served_run.ts";
import { address, useAnswer } from "./explorer/ask.ts";
import { holdsChoice } from "./explorer/choice.ts";
import { Choose } from "./explorer/controls.tsx";
import { Explorer } from "./explorer/explorer.tsx";
import { ReportBody } from "./report/report.tsx";
import { Name, visible } from "./text.tsx";

/** The names of the tabs. */
const TABS = ["Run", "Associations"] as const;
/** The name of a tab. */
type Tab = (typeof TABS)[number];

/** The whole page. */
export function Viewer() {
  const { revision, connected } = useRevision();
  const [asked, setAsked] = useState(0);
  const run = useAnswer<ServedRun>(`${address("run")}#${asked}`);
  useEffect(() => {
    if (revision !== 0 && revision !== run.value?.revision) setAsked(revision);
  }, [revision]);
  // An address that speaks of associations opens them.
  const [tab, setTab] = useState<Tab>(holdsChoice(location.hash) ? "Associations" : "Run");
  const [seen, setSeen] = useState(tab === "Associations");
  const [safe, setSafe] = useState(false);
  const choose = (next: Tab) => {
    setTab(next);
    if (next === "Associations") setSeen(true);
  };
  const title = run.value?.report.title;
  return (
    <>
      <header class="viewer">
        <div class="top">
          <h1>{title === undefined ? "plca view" : <Name>{title}</Name>}</h1>
          {run.value && <State run={run.value} connected={connected} />}
          <Choose
            name="Class colours"
            value={safe ? "safe" : "own"}
            options={[
              { value: "own", text: "of the dataset" },
              { value: "safe", text: "safe for colour blindness" },
            ]}
            onChoose={(value) => setSafe(value === "safe")}
          />
        </div>
        {run.problem !== undefined && connected && <p role="alert">{visible(run.problem)}</p>}
        {!connected && (
          <p role="alert">
            This page is no longer connected: plca view has ended in its terminal. Start it again and open its
            new address.
          </p>
        )}
        {run.value?.gone && (
          <p role="alert">
            The run's folder is gone: it was deleted, moved or renamed. What was read of it before is still
            shown.
          </p>
        )}
        <Tabs tab={tab} onChoose={choose} />
      </header>
      <main>
        <div role="tabpanel" id="panel-Run" aria-labelledby="tab-Run" hidden={tab !== "Run"}>
          {/* Charts need a place that has a width. */}
          {run.value && tab === "Run" && <RunPanel report={run.value.report} safe={safe} />}
        </div>
        <div
          role="tabpanel"
          id="panel-Associations"
          aria-labelledby="tab-Associations"
          hidden={tab !== "Associations"}
        >
          {seen && <Explorer revision={revision} safe={safe} />}
        </div>
      </main>
    </>
  );
}

/**
 * What `plca report` shows, of the run as it is now. Images are labelled when they are asked for, since that
 * takes a while.
 */
function RunPanel({ report, safe }: { readonly report: ReportData; readonly safe: boolean }) {
  const [asked, setAsked] = useState(0);
  const pictures = useAnswer<ServedPictures>(asked === 0 ? undefined : `${address("pictures")}#${asked}`);
  const shown = useMemo(
    () => {
      const why = pictures.busy ? "they are being labelled" : pictures.problem;
      const without = why === undefined ? {} : { withoutPictures: why };
      return { ...report, runs: report.runs.map((run) => ({ ...run, ...without, ...pictures.value })) };
    },
    [report, pictures.value, pictures.busy, pictures.problem],
  );
  return (
    <>
      <p class="line images">
        <button
          type="button"
          aria-disabled={pictures.busy}
          onClick={() => pictures.busy || setAsked(asked + 1)}
        >
          {asked === 0
            ? "Label the val split and show its best and worst images"
            : "Label the val split again"}
        </button>
        <span role="status">
          {pictures.busy && "Labelling …"}
          {pictures.problem !== undefined && visible(pictures.problem)}
        </span>
      </p>
      <ReportBody data={shown} safe={safe} />
    </>
  );
}

/**
 * How the run stands: its state, phase and step; marked as "last known" when the server or the folder is
 * gone. The phase is the last one that has made a step.
 */
function State(
  { run: { gone, report: { runs: [run] } }, connected }: { run: ServedRun; connected: boolean },
) {
  const known = connected && !gone;
  const phase = run!.phases.findLast(({ step }) => step > 0) ?? run!.phases.at(-1);
  const steps = (count: number) => count.toLocaleString("en");
  return (
    <p class="standing" role="status">
      {!known && "last known: "}
      <span class={`dot ${known ? visible(run!.state) : ""}`} aria-hidden="true" />
      {visible(run!.state)}
      {phase && (
        <>
          , <Name>{phase.name}</Name>{" "}
          {phase.steps > 0 ? `step ${steps(phase.step)} of ${steps(phase.steps)}` : "before its first step"}
        </>
      )}
    </p>
  );
}

/**
 * The revision of the run as the server counts it, 0 until it has said one, and whether the server is there.
 */
function useRevision(): { readonly revision: number; readonly connected: boolean } {
  const [revision, setRevision] = useState(0);
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const events = new EventSource(address("events"));
    // It is told on every connection what is known.
    events.onmessage = ({ data }) => setRevision(Number(data));
    events.onopen = () => setConnected(true);
    events.onerror = () => setConnected(false);
    return () => events.close();
  }, []);
  return { revision, connected };
}

/** The tabs, with the keys that tabs have: arrows move, and only the open tab is in the tab order. */
function Tabs({ tab, onChoose }: { readonly tab: Tab; readonly onChoose: (tab: Tab) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]!;
    onChoose(next);
    list.current!.querySelector<HTMLElement>(`#tab-${next}`)!.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="What is shown" ref={list} onKeyDown={onKey}>
      {TABS.map((one) => (
        <button
          type="button"
          role="tab"
          key={one}
          id={`tab-${one}`}
          aria-controls={`panel-${one}`}
          aria-selected={one === tab}
          tabIndex={one === tab ? 0 : -1}
          onClick={() => onChoose(one)}
        >
          {one}
        </button>
      ))}
    </div>
  );
}
