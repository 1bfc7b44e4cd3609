// All incidents, the gravest open ones first.
import { useState } from "preact/hooks";
import { useGet } from "../api/use";
import { t } from "../lib/language";
import { amend, go, type Place } from "../lib/route";
import { zone } from "../lib/time";
import { stateName } from "../lib/words";
import { IncidentTable } from "../parts/incident-table";
import { useKeys } from "../parts/keys";
import { Empty, Show } from "../parts/states";

const STATES = ["open", "contained", "closed", "all"] as const;

export function Incidents({ place }: { place: Place }) {
  const wanted = STATES.find((state) => state === place.query.get("state")) ?? "open";
  const after = place.query.get("after") ?? undefined;
  const asked = useGet("/api/v1/incidents", { query: { state: wanted, after, zone: zone() }, on: ["incidents"] });
  const [selected, select] = useState(-1);
  const items = asked.value?.items ?? [];
  useKeys({
    j: () => select(Math.min(items.length - 1, selected + 1)),
    k: () => select(Math.max(0, selected - 1)),
    Enter: () => {
      const row = items[selected];
      if (row) go(`/incidents/${row.id}`);
    },
  });
  return (
    <>
      <header class="page-head">
        <h1>{t("Incidents", "インシデント")}</h1>
        <div class="tabs" role="group" aria-label={t("State", "状態")}>
          {STATES.map((state) => (
            <button
              key={state}
              type="button"
              aria-pressed={state === wanted}
              onClick={() => amend({ state: state === "open" ? null : state, after: null })}
            >
              {state === "all" ? t("all", "すべて") : stateName(state)}
            </button>
          ))}
        </div>
      </header>
      <Show of={asked}>
        {(list) =>
          list.items.length === 0 ? (
            <Empty title={t("No incident in this state.", "この状態のインシデントはありません。")}>
              <p>
                {t(
                  "That says what rules found in what was heard. What was not heard is on the page of sources.",
                  "受信した記録についての結果です。受信していないものは「情報源」をご覧ください。",
                )}{" "}
                <a href="#/sources">{t("Sources", "情報源")}</a>
              </p>
            </Empty>
          ) : (
            <>
              <IncidentTable rows={list.items} selected={selected} />
              {list.next && (
                <p>
                  <button type="button" onClick={() => amend({ after: list.next }, false)}>
                    {t("Further ones", "続きを表示")}
                  </button>
                </p>
              )}
            </>
          )
        }
      </Show>
    </>
  );
}
