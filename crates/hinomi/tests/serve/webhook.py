"""A receiver of webhooks: checks signatures with the standard library, notes what comes, and answers as a file says."""
import base64, hashlib, hmac, http.server, json, os, sys

folder, secret = sys.argv[1], sys.argv[2].encode()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        number, timestamp, signature = [self.headers.get(name, "") for name in names]
        signed = f"{number}.{timestamp}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        mode = open(os.path.join(folder, "mode")).read().strip()
        noted = {
            "path": self.path, "id": number, "signed": hmac.compare_digest(expected, signature),
            "mode": mode, "body": body.decode(),
        }
        with open(os.path.join(folder, "seen"), "a") as seen:
            seen.write(json.dumps(noted) + "\n")
        if mode == "redirect":
            self.send_response(302)
            self.send_header("location", "/elsewhere")
            self.end_headers()
        elif mode == "endless":
            self.send_response(500)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass
        else:
            self.send_response(int(mode))
            if mode == "429":
                self.send_header("retry-after", "1")
            self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), Handler)
with open(os.path.join(folder, "port.new"), "w") as port:
    port.write(str(server.server_address[1]))
os.rename(os.path.join(folder, "port.new"), os.path.join(folder, "port"))
server.serve_forever()
