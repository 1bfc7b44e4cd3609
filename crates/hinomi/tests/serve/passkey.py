"""Drives a real browser with a virtual authenticator: enrols, signs out, signs in, proves anew. Prints what it saw as JSON."""
import json
import socket
import subprocess
import sys
import time
import urllib.request

origin, link, folder = sys.argv[1:4]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


port = free_port()
driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"{method} {path}: {error.read().decode()}")


STEPS = """
const [step, link, done] = arguments;
const post = async (path, body, method = "POST") => {
  const headers = {"X-Hinomi": "1"};
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch("/api/v1" + path, {method, headers, body: body && JSON.stringify(body)});
  const text = await answer.text();
  return {status: answer.status, body: text ? JSON.parse(text) : null};
};
const prove = async (path) => {
  const options = (await post(path + "/options")).body;
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({publicKey})).toJSON();
};
const steps = {
  enrol: async () => {
    const options = (await post("/enrolment/passkey/options", {link})).body;
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = (await navigator.credentials.create({publicKey})).toJSON();
    return post("/enrolment/passkey", {link, attestation: made, label: "browser"});
  },
  out: () => post("/session", null, "DELETE"),
  session: async () => ({status: 200, body: await (await fetch("/api/v1/session")).json()}),
  sign_in: async () => post("/session/passkey", await prove("/session/passkey")),
  step_up: async () => post("/session/step-up", {assertion: await prove("/session/step-up")}),
  unverified: async () => {
    const options = (await post("/session/passkey/options")).body;
    options.userVerification = "discouraged";
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    return post("/session/passkey", (await navigator.credentials.get({publicKey})).toJSON());
  },
};
steps[step]().then(done, (error) => done({status: 0, body: String(error)}));
"""

session = None
try:
    for _ in range(200):
        try:
            if call("GET", "/status")["ready"]:
                break
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={folder}/browser"]
    wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "webauthn:virtualAuthenticators": True,
                                               "goog:chromeOptions": {"args": flags}}}}
    session = call("POST", "/session", wanted)["sessionId"]
    base = f"/session/{session}"
    call("POST", f"{base}/timeouts", {"script": 30000, "pageLoad": 60000})
    device = call("POST", f"{base}/webauthn/authenticator",
                  {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                   "isUserConsenting": True, "isUserVerified": True})
    call("POST", f"{base}/url", {"url": origin + "/"})

    def step(name):
        return call("POST", f"{base}/execute/async", {"script": STEPS, "args": [name, link]})

    told = {"enrolled": step("enrol")["body"]}
    step("out")
    told["signed_out"] = step("session")["body"]
    told["signed_in"] = step("sign_in")["body"]
    told["stepped_up"] = step("step_up")["body"]
    told["cookies"] = call("POST", f"{base}/execute/sync", {"script": "return document.cookie", "args": []})
    call("POST", f"{base}/webauthn/authenticator/{device}/uv", {"isUserVerified": False})
    told["unverified"] = step("unverified")["status"]
    print(json.dumps(told))
finally:
    if session:
        try:
            call("DELETE", f"/session/{session}")
        except BaseException:
            pass
    driver.terminate()
    driver.wait(10)
