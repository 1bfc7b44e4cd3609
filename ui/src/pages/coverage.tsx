// The ATT&CK matrix: only a trial that fired proves anything.
import { useGet } from "../api/use";
import type { Matrix, MatrixTechnique } from "../api/types";
import { count } from "../lib/figures";
import { t } from "../lib/language";
import { amend, type Place } from "../lib/route";
import { span, zoneLabel } from "../lib/time";
import { matrixName, stageName } from "../lib/words";
import { When } from "../parts/marks";
import { Empty, Show } from "../parts/states";

const STATES = ["proven", "missed", "present", "blind", "unknown"] as const;
const SIGNS = { proven: "✓", missed: "✗", present: "·", blind: "", unknown: "?" };

function Cell({ of, chosen }: { of: MatrixTechnique; chosen: boolean }) {
  return (
    <li class={`cell cell-${of.state}${chosen ? " cell-chosen" : ""}`}>
      <button
        type="button"
        aria-pressed={chosen}
        onClick={() => amend({ technique: of.id })}
        title={`${of.id} ${of.name} — ${matrixName(of.state)}`}
      >
        <span aria-hidden="true" class="cell-sign">
          {SIGNS[of.state]}
        </span>
        <span class="cell-name">{of.name}</span>
        <span class="visually-hidden"> {matrixName(of.state)}</span>
      </button>
    </li>
  );
}

function Note({ of }: { of: MatrixTechnique }) {
  return (
    <section class="cell-note" aria-live="polite">
      <h2>
        {of.id} {of.name}
      </h2>
      <p>
        <b>{matrixName(of.state)}</b> ·{" "}
        {t(`${of.detected} of ${of.executed} executions detected`, `実行 ${of.executed} 回中 ${of.detected} 回検知`)} ·{" "}
        {t(`${of.rules} rules name it`, `関連ルール ${of.rules}`)}
        {Boolean(of.unheard) && (
          <span class="unknown">
            {t(`of these, no log came that ${of.unheard} read`, `うち ${of.unheard} は読み取るログが届いていない`)}
          </span>
        )}
        {of.trials.length > 0 && ` · ${of.trials.join(", ")}`}
      </p>
    </section>
  );
}

function Grid({ matrix, chosen }: { matrix: Matrix; chosen: string | null }) {
  const rank = (one: MatrixTechnique) => STATES.indexOf(one.state);
  return (
    <div class="scroll" role="region" tabIndex={0} aria-label={t("Matrix", "マトリクス")}>
      <div class="matrix">
        {matrix.tactics.map((tactic) => (
          <section key={tactic.id} aria-label={stageName(tactic.id)}>
            <h2>
              {stageName(tactic.id)}{" "}
              <small>
                {tactic.techniques.filter((one) => one.state === "proven").length}/{tactic.techniques.length}
              </small>
            </h2>
            <ul>
              {[...tactic.techniques]
                .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
                .map((one) => (
                  <Cell key={one.id} of={one} chosen={one.id === chosen} />
                ))}
            </ul>
          </section>
        ))}
      </div>
    </div>
  );
}

function Trials({ matrix }: { matrix: Matrix }) {
  return matrix.trials.length === 0 ? (
    <Empty title={t("No trial ran here: nothing is proven.", "試験が未実施のため、何も実証されていません。")}>
      <p>
        <code>hinomi trial run --scenario quiet-contractor</code>
      </p>
    </Empty>
  ) : (
    <table class="list">
      <thead>
        <tr>
          <th>{t("Trial", "試験")}</th>
          <th>
            {t("When", "日時")} ({zoneLabel()})
          </th>
          <th class="num">{t("Executed", "実行")}</th>
          <th class="num">{t("Detected", "検知")}</th>
          <th class="num">{t("Median delay", "遅延の中央値")}</th>
        </tr>
      </thead>
      <tbody>
        {matrix.trials.map((trial) => (
          <tr key={trial.name}>
            <td>{trial.name}</td>
            <td>
              <When at={trial.at} precision="minute" />
            </td>
            <td class="num">{count(trial.executed)}</td>
            <td class="num">{count(trial.detected)}</td>
            <td class="num">
              {trial.median_delay_seconds === null ? (
                <span class="unknown">{t("unknown", "不明")}</span>
              ) : (
                span(trial.median_delay_seconds * 1000)
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CoveragePage({ place }: { place: Place }) {
  const asked = useGet("/api/v1/coverage", { on: ["incidents"] });
  const chosen = place.query.get("technique");
  return (
    <>
      <header class="page-head">
        <h1>{t("Coverage", "検知範囲")}</h1>
        <p class="dim">
          {t(
            "A rule proves nothing by being there. Proven is what a trial executed and Hinomi detected.",
            "ルールがあるだけでは証明になりません。「実証」は試験で実行され検知されたものだけです。",
          )}
        </p>
      </header>
      <Show of={asked} lines={12}>
        {(matrix) => {
          const all = new Map(matrix.tactics.flatMap((tactic) => tactic.techniques).map((one) => [one.id, one]));
          const techniques = [...all.values()];
          const one = techniques.find((technique) => technique.id === chosen);
          return (
            <>
              <ul class="tally matrix-tally">
                {STATES.map((state) => ({ state, of: techniques.filter((x) => x.state === state).length }))
                  .filter(({ state, of }) => of > 0 || state !== "unknown")
                  .map(({ state, of }) => (
                    <li key={state}>
                      <i class={`cell cell-${state}`}>{SIGNS[state]}</i> <b>{count(of)}</b> {matrixName(state)}
                    </li>
                  ))}
                <li class="dim">ATT&CK {matrix.attack_version}</li>
              </ul>
              {techniques.some((x) => x.state === "unknown") && (
                <p class="unknown">
                  {t(
                    "No rules are in force yet: what would be seen is not known.",
                    "有効なルールがまだないため、何が検知されるかは不明です。",
                  )}
                </p>
              )}
              {matrix.same_rules === false && (
                <p class="unknown">
                  {t(
                    "The trials ran with other rules than are in force here: whether these figures hold is not known.",
                    "試験時のルールと、ここで有効なルールが異なります。この数値が今も成り立つかは不明です。",
                  )}
                </p>
              )}
              {one && <Note of={one} />}
              <Grid matrix={matrix} chosen={chosen} />
              <section aria-labelledby="trials">
                <h2 id="trials">{t("Trials", "試験")}</h2>
                <Trials matrix={matrix} />
              </section>
            </>
          );
        }}
      </Show>
    </>
  );
}
