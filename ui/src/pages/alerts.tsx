// Alerts: who was told, and what nobody has taken yet.
import { post } from "../api/client";
import { useGet } from "../api/use";
import type { Alert } from "../api/types";
import { count } from "../lib/figures";
import { say, t } from "../lib/language";
import { may, useSession } from "../lib/session";
import { zoneLabel } from "../lib/time";
import { kindName, stateName } from "../lib/words";
import { Level, Name, When } from "../parts/marks";
import { Empty, Show } from "../parts/states";
import { Act } from "../parts/step-up";

/** Who takes care of an alert, or the button with which one does. */
function Taken({ of: alert, onChange }: { of: Alert; onChange: () => void }) {
  const signed = useSession();
  return (
    <>
      {alert.state === "open" ? (
        may(signed, "respond") ? (
          <Act
            primary
            label={t("Acknowledge", "確認する")}
            act={() => post("/api/v1/alerts/{id}/acknowledgement", { path: { id: alert.id }, body: { note: "" } })}
            onDone={onChange}
          />
        ) : (
          <span class="nobody">{t("nobody yet", "未確認")}</span>
        )
      ) : (
        <>
          {stateName(alert.state)} <small class="dim">{alert.acknowledged_by}</small>
        </>
      )}
      {alert.next_step_at && (
        <small class="dim">
          {" "}
          {t("next is told at", "次の通知")} <When at={alert.next_step_at} precision="clock" />
        </small>
      )}
    </>
  );
}

/** Nobody is told of anything: an empty list must not read as quiet. */
function NotAtWork() {
  return (
    <p class="unknown" role="status">
      {t(
        "Alerts are not at work here: nobody is told of anything. They are set up with",
        "通知は動作していません。誰にも通知されません。設定方法：",
      )}{" "}
      <code>[alerts]</code>{" "}
      {t("in the configuration of the server (hinomi config example).", "をサーバーの設定に加えてください（hinomi config example）。")}
    </p>
  );
}

export function Alerts() {
  const asked = useGet("/api/v1/alerts", { query: { limit: 200 }, on: ["alerts"] });
  return (
    <>
      <header class="page-head">
        <h1>{t("Alerts", "通知")}</h1>
        <p class="dim">
          {t(
            "Acknowledging says: I take care of it. Nobody else is woken then.",
            "「確認」は「自分が対応する」という意味です。以降、ほかの人は呼び出されません。",
          )}
        </p>
      </header>
      <Show of={asked}>
        {(list) =>
          !list.at_work && list.items.length === 0 ? (
            <NotAtWork />
          ) : list.items.length === 0 ? (
            <Empty title={t("No alert is open.", "未対応の通知はありません。")}>
              <p>
                {t("Whether anybody would be told is tried with:", "通知経路の確認：")} <code>hinomi alert test</code>
              </p>
            </Empty>
          ) : (
            <div class="scroll" role="region" tabIndex={0} aria-label={t("Alerts", "通知")}>
              {!list.at_work && <NotAtWork />}
              <table class="list">
                <thead>
                  <tr>
                    <th>{t("Level", "レベル")}</th>
                    <th>{t("What", "内容")}</th>
                    <th>{t("Host", "ホスト")}</th>
                    <th>{t("Account", "アカウント")}</th>
                    <th>
                      {t("Made", "発生")} ({zoneLabel()})
                    </th>
                    <th class="num">{t("Times", "回数")}</th>
                    <th>{t("State", "状態")}</th>
                  </tr>
                </thead>
                <tbody>
                  {list.items.map((alert) => (
                    <tr key={alert.id}>
                      <td>
                        <Level level={alert.level} />
                      </td>
                      <td class="wide-cell">
                        <code>{alert.id}</code> {say(alert.title)} <small class="dim">{kindName(alert.kind)}</small>
                      </td>
                      <td>
                        <Name of={alert.host} none="—" />
                      </td>
                      <td>
                        <Name of={alert.account} none="—" />
                      </td>
                      <td>
                        <When at={alert.made} />
                      </td>
                      <td class="num">{count(alert.count)}</td>
                      <td>
                        <Taken of={alert} onChange={asked.reload} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Show>
    </>
  );
}
