// The names that fields have elsewhere, and what is near to a name that there is not.

/** Those of Suricata's EVE, ECS, CEF, Snort's alert_json and alert_csv, and of talk. */
/** @type {Record<string, string[]>} */
const NAMES = {
  msg: ["message", "text", "signature", "alert.signature", "rule.name"],
  sid: ["sig_id", "signature_id", "alert.signature_id", "rule", "rule.id"],
  gid: ["generator", "sig_generator", "generator_id", "alert.gid", "snort.gid"],
  priority: ["prio", "severity", "alert.severity", "event.severity"],
  class: ["classification", "classtype", "category", "alert.category", "rule.category", "class_description", "snort.class"],
  src: ["src_ip", "srcip", "src_addr", "source", "source.ip", "source.address"],
  dst: ["dst_ip", "dstip", "dst_addr", "dest_ip", "dest", "destination", "destination.ip", "destination.address"],
  host: ["ip", "addr", "address", "related.ip"],
  src_port: ["sport", "spt", "source.port"],
  dst_port: ["dport", "dpt", "dest_port", "destination.port"],
  proto: ["protocol", "network.transport"],
  sensor: ["sensor_name", "observer.name", "dvchost"],
  app: ["application", "app_name", "app_id"],
  action: ["alert.action"],
  vlan: ["vlan_id", "vlan.id"],
  pid: ["process.pid", "sender.pid"],
  uid: ["sender.uid"],
};

/** Names that may mean something else elsewhere: the field that is near. */
/** @type {Record<string, string>} */
const NEAR = { sig: "sid", id: "sid", app_proto: "app", service: "app", hostname: "sensor", ack: "acknowledged", star: "starred" };

/**
 * The field that has another name elsewhere.
 * @param {string} name
 * @param {string} [value] - what is looked for
 * @returns {string | undefined}
 */
export function synonym(name, value = "") {
  const lower = name.toLowerCase();
  // Elsewhere that is the message; here it is what signatures are called.
  if (lower === "signature" && /^\d+(:\d+){0,2}$/.test(value)) return "sid";
  return Object.keys(NAMES).find((field) => NAMES[field].includes(lower));
}

/**
 * The name that is meant by one that there is not.
 * @param {string} name
 * @param {string[]} names - those that there are
 */
export function meantBy(name, names) {
  const lower = name.toLowerCase();
  const near = Object.hasOwn(NEAR, lower) ? NEAR[lower] : undefined;
  return near && names.includes(near) ? near : names.find((known) => isNear(known, lower));
}

/**
 * Whether a word is another one with a letter more, less, or other, or two.
 * @param {string} a @param {string} b
 */
function isNear(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    row = next;
  }
  return row[b.length] <= (a.length > 4 ? 2 : 1);
}
