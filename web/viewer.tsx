/** What `plca view` shows: the run as it goes on, and its associations. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { ServedRun } from "../view/served_run.ts";
import { address, useAnswer } from "./explorer/ask.ts";
import { Explorer } from "./explorer/explorer.tsx";
import { Report } from "./report.tsx";
import { Name, visible } from "./text.tsx";

const TABS = ["Run", "Associations"] as const;
type Tab = (typeof TABS)[number];

/** The whole page. */
export function Viewer() {
  const { revision, connected } = useRevision();
  const run = useAnswer<ServedRun>(`${address("run")}#${revision}`);
  // An address that speaks of associations opens them.
  const [tab, setTab] = useState<Tab>(location.hash.length > 1 ? "Associations" : "Run");
  const [seen, setSeen] = useState(tab === "Associations");
  const choose = (next: Tab) => {
    setTab(next);
    if (next === "Associations") setSeen(true);
  };
  return (
    <>
      <header>
        <div class="top">
          <h1>
            <Name>{run.value?.report.title ?? "plca view"}</Name>
          </h1>
          {run.value && <State run={run.value} connected={connected} />}
        </div>
        {run.problem !== undefined && <p role="alert">{visible(run.problem)}</p>}
        <Tabs tab={tab} onChoose={choose} />
      </header>
      <main>
        <div role="tabpanel" id="panel-Run" aria-labelledby="tab-Run" hidden={tab !== "Run"}>
          {run.value && <Report data={run.value.report} />}
        </div>
        <div
          role="tabpanel"
          id="panel-Associations"
          aria-labelledby="tab-Associations"
          hidden={tab !== "Associations"}
        >
          {seen && <Explorer revision={revision} />}
        </div>
      </main>
    </>
  );
}

function State({ run: { report: { runs: [run] } }, connected }: { run: ServedRun; connected: boolean }) {
  const phase = run!.phases.findLast(({ step }) => step > 0) ?? run!.phases.at(-1);
  return (
    <p class="state" role="status">
      {!connected && "no longer connected; last known: "}
      {visible(run!.state)}
      {phase && (
        <>
          , <Name>{phase.name}</Name>{" "}
          {phase.steps > 0 ? `step ${phase.step} of ${phase.steps}` : "before its first step"}
        </>
      )}
    </p>
  );
}

/** Counts what the server says of the run. */
function useRevision(): { readonly revision: number; readonly connected: boolean } {
  const [revision, setRevision] = useState(0);
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    const events = new EventSource(address("events"));
    let lost = false;
    events.onmessage = ({ data }) => setRevision(Number(data));
    events.onopen = () => {
      setConnected(true);
      // What happened meanwhile is not told again.
      if (lost) setRevision((before) => before + 0.5);
    };
    events.onerror = () => {
      lost = true;
      setConnected(false);
    };
    return () => events.close();
  }, []);
  return { revision, connected };
}

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
