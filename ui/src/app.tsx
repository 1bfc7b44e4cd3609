// The frame: who is signed in decides what is shown; the address decides which page.
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { follow, unfollow } from "./api/events";
import { whenSignedOut } from "./api/client";
import { forget, useGet } from "./api/use";
import { t } from "./lib/language";
import { go, usePlace, type Place } from "./lib/route";
import { SessionContext } from "./lib/session";
import { pressed } from "./parts/keys";
import { Empty, Loading, TroubleNote } from "./parts/states";
import { Shell, NAVIGATION } from "./parts/shell";
import { SignIn, Enrol } from "./pages/sign-in";
import { CameBack, cameBack } from "./pages/provider";
import { Today } from "./pages/today";
import { Incidents } from "./pages/incidents";
import { Incident } from "./pages/incident";
import { Sources } from "./pages/sources";
import { Ledger } from "./pages/ledger";
import { Claims } from "./pages/claims";
import { Board } from "./pages/board";
import { Rules } from "./pages/rules";
import { CoveragePage } from "./pages/coverage";
import { Audit } from "./pages/audit";
import { Access } from "./pages/access";
import { Alerts } from "./pages/alerts";

type Page = ComponentType<{ place: Place }>;

/** A page that is loaded when it is first asked for. */
function Later({ load, place }: { load: () => Promise<Page>; place: Place }) {
  const [found, setFound] = useState<{ page: Page } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    load().then(
      (page) => setFound({ page }),
      () => setFailed(true),
    );
  }, []);
  if (failed)
    return (
      <Empty
        title={t("A part of this page could not be loaded. Load it again.", "ページの一部を読み込めませんでした。再読み込みしてください。")}
      />
    );
  if (!found) return <Loading />;
  return <found.page place={place} />;
}

const searchPage = () => import("./pages/search").then((module) => module.Search as Page);

function page(place: Place) {
  const [, first = "", second] = place.path.split("/");
  switch (first) {
    case "":
    case "today":
      return <Today place={place} />;
    case "incidents":
      return second ? <Incident key={second} id={decodeURIComponent(second)} place={place} /> : <Incidents place={place} />;
    case "alerts":
      return <Alerts />;
    case "search":
      return <Later load={searchPage} place={place} />;
    case "sources":
      return <Sources place={place} />;
    case "ledger":
      return <Ledger />;
    case "claims":
      return <Claims place={place} />;
    case "board":
      return <Board />;
    case "rules":
      return <Rules place={place} />;
    case "coverage":
      return <CoveragePage place={place} />;
    case "audit":
      return <Audit />;
    case "access":
      return <Access />;
    default:
      return (
        <>
          <h1>{t("No such page", "ページがありません")}</h1>
          <Empty title={t("Nothing stands at this address.", "このアドレスには何もありません。")}>
            <p>
              <a href="#/today">{t("To today", "今日へ")}</a>
            </p>
          </Empty>
        </>
      );
  }
}

/** A fault in one page leaves the frame standing and says so. */
class Guard extends Component<{ children: ComponentChildren }, { failed: string | null }> {
  override state: { failed: string | null } = { failed: null };
  static override getDerivedStateFromError(error: unknown) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
  override render() {
    if (this.state.failed === null) return this.props.children;
    return (
      <div class="trouble" role="alert">
        <p class="trouble-title">{t("This page has a fault of its own.", "このページ自体に不具合があります。")}</p>
        <p>
          {t(
            "The evidence is untouched. Use the command line meanwhile:",
            "証拠には影響ありません。当面はコマンドラインをご利用ください：",
          )}{" "}
          <code>hinomi alert list</code>
        </p>
        <p class="dim mono">{this.state.failed}</p>
      </div>
    );
  }
}

export function App() {
  const place = usePlace();
  const [, redraw] = useState(0);
  const asked = useGet("/api/v1/session");
  const session = asked.value;
  const signed = session?.signed_in === true;
  const first = place.path.split("/")[1] ?? "";

  useEffect(() => {
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  useEffect(
    () =>
      whenSignedOut(() => {
        forget();
        asked.reload();
      }),
    [asked.reload],
  );
  useEffect(() => {
    if (signed) follow();
    return unfollow;
  }, [signed]);
  useEffect(() => {
    const nav = NAVIGATION.find((item) => item.path === `/${first || "today"}`);
    document.title = `${nav ? t(nav.en, nav.ja) : "Hinomi"} — Hinomi 火の見`;
  });

  const update = () => redraw((n) => n + 1);
  if (cameBack()) return <CameBack onChange={update} />;
  if (first === "enrol")
    return (
      <Enrol
        onChange={update}
        onDone={() => {
          asked.reload();
          go("/today", true);
        }}
      />
    );
  if (!session)
    return asked.trouble ? (
      <main class="alone">
        <TroubleNote trouble={asked.trouble} retry={asked.reload} />
      </main>
    ) : (
      <main class="alone">
        <Loading />
      </main>
    );
  if (!signed) return <SignIn session={session} onChange={update} onDone={asked.reload} />;
  return (
    <SessionContext.Provider value={{ session, reload: asked.reload }}>
      <Shell place={place} onChange={update}>
        <Guard key={place.path}>{page(place)}</Guard>
      </Shell>
    </SessionContext.Provider>
  );
}
