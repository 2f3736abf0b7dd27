// The newest alerts, and each new one as it comes. Text of alerts is only ever set as text.

/** How many alerts are shown. */
const SHOWN = 100;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const rows = byId("alerts");
const state = byId("state");
const login = /** @type {HTMLFormElement} */ (byId("login"));

/** @param {Record<string, any>} alert */
function row(alert) {
  const row = document.createElement("tr");
  /** @param {string} ip @param {string} port */
  const end = (ip, port) => (alert[ip] === undefined ? "" : alert[port] === undefined ? alert[ip] : `${alert[ip]} ${alert[port]}`);
  const signature = `${alert.sig_generator}:${alert.sig_id}:${alert.sig_rev}`;
  for (const text of [alert.timestamp, alert.priority || "", signature, alert.msg, end("src_ip", "src_port"), end("dst_ip", "dst_port")]) {
    row.insertCell().textContent = String(text);
  }
  return row;
}

/** @param {Record<string, any>} alert */
function add(alert) {
  rows.prepend(row(alert));
  while (rows.childElementCount > SHOWN) rows.lastElementChild?.remove();
}

/** @param {number} last */
function follow(last) {
  const events = new EventSource(`api/v1/stream?last_event_id=${last}`);
  events.onopen = () => { state.textContent = "live"; };
  events.onmessage = (event) => add(JSON.parse(event.data));
  events.addEventListener("reset", () => { events.close(); start(); });
  events.onerror = () => {
    state.textContent = "connecting…";
    // A browser gives up after an answer such as 401 or 503.
    if (events.readyState === EventSource.CLOSED) setTimeout(start, 3000);
  };
}

async function start() {
  try {
    const response = await fetch(`api/v1/alerts?limit=${SHOWN}&packet=no`);
    const page = await response.json();
    login.hidden = response.status !== 401;
    if (!response.ok) {
      state.textContent = [page.detail, page.hint].filter(Boolean).join("; ");
      if (response.status !== 401) setTimeout(start, 3000);
      return;
    }
    rows.replaceChildren(...page.alerts.map(row));
    state.textContent = page.reason ? `no alerts found: ${page.reason}` : "";
    follow(page.last);
  } catch {
    state.textContent = "Pigear is not there; trying again…";
    setTimeout(start, 3000);
  }
}

login.addEventListener("submit", async (event) => {
  event.preventDefault();
  const typed = Object.fromEntries([...new FormData(login)].filter(([, value]) => value));
  const response = await fetch("api/v1/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(typed),
  });
  if (response.ok) {
    login.reset();
    start();
  } else {
    state.textContent = (await response.json()).detail;
  }
});

start();
