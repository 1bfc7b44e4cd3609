// Incidents as rows: how grave, what happened, whose, since when, who has it.
import type { IncidentRow } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { zoneLabel } from "../lib/time";
import { STAGE_ORDER, stageName, stateName } from "../lib/words";
import { Level, When } from "./marks";

/** Which stages were seen, as a strip in the order of an attack: filled confirmed, outlined estimated. */
export function StageStrip({ row }: { row: IncidentRow }) {
  const seen = new Map(row.stages.map((stage) => [stage.stage, stage.certainty]));
  const label = row.stages.map((stage) => stageName(stage.stage)).join(t(", ", "、"));
  return (
    <span class="strip" role="img" aria-label={label} title={label}>
      {STAGE_ORDER.slice(2).map((stage) => (
        <i key={stage} class={seen.has(stage) ? `strip-${seen.get(stage)}` : "strip-none"} />
      ))}
    </span>
  );
}

export function IncidentTable({ rows, selected = -1 }: { rows: IncidentRow[]; selected?: number }) {
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t("Incidents", "インシデント")}>
      <table class="list incidents">
        <thead>
          <tr>
            <th>{t("Severity", "重大度")}</th>
            <th>{t("What happened", "何が起きたか")}</th>
            <th>{t("Stages", "段階")}</th>
            <th>
              {t("First", "最初")} ({zoneLabel()})
            </th>
            <th class="num">{t("Detections", "検知数")}</th>
            <th>{t("Who has it", "担当")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={row.id} class={i === selected ? "row-selected" : ""}>
              <td>
                <Level level={row.severity} />
              </td>
              <td class="wide-cell">
                <a href={`#/incidents/${row.id}`}>{say(row.headline)}</a>
              </td>
              <td>
                <StageStrip row={row} />
                {row.unseen > 0 && (
                  <small class="under">
                    <span class="unknown">{t(`${row.unseen} unseen`, `不明 ${row.unseen}`)}</span>
                  </small>
                )}
              </td>
              <td>
                <When at={row.first} precision="minute" />
              </td>
              <td class="num">{count(row.detections)}</td>
              <td>
                {row.assignee ?? <span class="nobody">{t("nobody", "担当なし")}</span>}
                <small class="under dim">{stateName(row.state)}</small>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
