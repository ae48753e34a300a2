// The way to the studio: secret, HTTP, and a WebSocket that comes back by itself.

const KEY = "rtstyle.token";
let token = sessionStorage.getItem(KEY) || "";

/** Take the secret out of the address, where it must not stay. */
export async function enter() {
  const given = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  if (given.get("token")) token = given.get("token");
  if (given.get("code")) {
    const answer = await fetch("/api/enter", {
      method: "POST", headers: { Authorization: `Bearer ${given.get("code")}` },
    });
    if (answer.ok) token = (await answer.json()).token;
  }
  if (token) sessionStorage.setItem(KEY, token);
  return Boolean(token);
}

/** Fetch with the secret; the caller looks at `ok`. */
export function ask(path, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  return fetch(path, { ...options, headers });
}

/** Do one action over HTTP and return the answer, or throw the refusal as an error. */
export async function act(message) {
  const answer = await ask("/api/do", { method: "POST", body: JSON.stringify(message) });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.refused);
  return data;
}

/** Send a file with progress; resolves to the answer, rejects with the refusal. */
export function upload(kind, file, onProgress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/api/upload/${kind}?name=${encodeURIComponent(file.name || "pasted.png")}`);
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Error(`${file.name}: could not be sent`));
    request.onload = () => {
      let data = {};
      try { data = JSON.parse(request.responseText); } catch { /* said below */ }
      if (request.status === 200) resolve(data);
      else reject(new Error(data.refused || `${file.name}: could not be sent`));
    };
    request.send(file);
  });
}

/** Fetch a result by a ticket and let the browser save it. */
export async function download(message) {
  const { ticket } = await act({ do: "ticket", ...message });
  const link = document.createElement("a");
  link.href = `/page/file?ticket=${encodeURIComponent(ticket)}`;
  link.click();
}

/** A WebSocket that comes back: 0.25 s to 5 s, never after a refusal. */
export class Link {
  constructor(path, secret, { onMessage, onPicture, onLost, onRefused }) {
    Object.assign(this, { path, secret, onMessage, onPicture, onLost, onRefused });
    this.delay = 250;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`ws://${location.host}${this.path}`,
      ["rtstyle.1", `token.${this.secret ?? token}`]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => { this.delay = 250; };
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") this.onMessage?.(JSON.parse(data));
      else this.onPicture?.(data);
    };
    socket.onclose = ({ code }) => {
      if (code === 1008) { this.onRefused?.(); return; }
      this.onLost?.();
      setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(5000, this.delay * 2);
    };
  }

  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(message instanceof ArrayBuffer ? message
      : typeof message === "string" ? message : JSON.stringify(message));
    return true;
  }
}
