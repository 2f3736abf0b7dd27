//! An alert, for Python to read.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use pigear_alert::format::{Colour, Fast, Format, FormatName};
use pigear_alert::packet::LinkType;
use pigear_alert::unified2::Verdict;
use pigear_alert::wire::{Decoder, Dialect, encode};
use pigear_alert::{self as inner, Datagram};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyTuple, PyTzInfo};

use crate::error::cannot_decode;
use crate::layer::Layer;

/// Room for a packet in Snort's datagram, in bytes.
const PACKET_SIZE: usize = 65_535;

/// The process that sent an alert, as the kernel says.
#[pyclass(frozen, get_all, eq, hash, module = "pigear")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Sender {
    /// Process id.
    pid: i32,
    /// User id.
    uid: u32,
}

#[pymethods]
impl Sender {
    fn __repr__(&self) -> String {
        format!("Sender(pid={}, uid={})", self.pid, self.uid)
    }
}

/// What is known of an alert: what Snort said, how it reached Pigear, and what follows from both.
///
/// The attributes have the names of the JSON object. What isn't known is `None`. Addresses are text,
/// as in JSON; `ipaddress.ip_address` makes more of them.
#[pyclass(frozen, module = "pigear")]
pub(crate) struct Alert(Arc<inner::Alert>);

impl Alert {
    pub(crate) fn new(alert: Arc<inner::Alert>) -> Self {
        Self(alert)
    }

    /// The datagram that an alert came in, or its first bytes. Where Snort's log has told more, or
    /// all there is, the datagram that says so.
    pub(crate) fn datagram_of<'py>(
        py: Python<'py>,
        alert: &inner::Alert,
        most: Option<usize>,
    ) -> Bound<'py, PyBytes> {
        let sent = alert.datagram.as_ref().filter(|_| alert.log().is_none());
        let datagram = sent.map_or_else(|| encode(&alert.message, alert.dialect), Datagram::to_vec);
        PyBytes::new(py, most.and_then(|most| datagram.get(..most)).unwrap_or(&datagram))
    }

    fn text(&self, format: FormatName) -> String {
        let mut text = Vec::new();
        format.format(Colour::Never).write(&self.0, &mut text);
        String::from_utf8_lossy(&text).trim_end_matches('\n').to_owned()
    }
}

/// Reads an alert from a datagram of Snort's.
///
/// `dialect` takes the datagram as that of a certain Snort (`snort3`, `snort2.9`, …, `barnyard2`)
/// instead of going by its length; `linktype` says what the packet begins with (`ethernet`, `raw`,
/// `linux-sll`). Raises `pigear.DecodeError` if the datagram is not an alert.
#[pyfunction]
#[pyo3(signature = (data, dialect=None, linktype=None))]
#[expect(clippy::needless_pass_by_value, reason = "so that Python can pass it")]
pub(crate) fn decode(
    data: Cow<'_, [u8]>,
    dialect: Option<&str>,
    linktype: Option<&str>,
) -> PyResult<Alert> {
    let dialect = dialect.map(str::parse::<Dialect>).transpose().map_err(wrong)?;
    let link_type = linktype.map(str::parse::<LinkType>).transpose().map_err(wrong)?;
    let decoder = Decoder { dialect, link_type };
    let decoded = decoder.decode(&data).map_err(|error| cannot_decode(&error))?;
    let origin = inner::Origin { link_type, ..inner::Origin::default() };
    Ok(Alert(Arc::new(inner::Alert::new(decoded, Arc::new(origin), Arc::default()))))
}

#[expect(clippy::needless_pass_by_value, reason = "so that it can be mapped with")]
fn wrong(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Microseconds are all that Python has.
fn datetime(py: Python<'_>, at: Timestamp) -> PyResult<Bound<'_, PyDateTime>> {
    let at = Offset::UTC.to_datetime(at);
    let small = |n: i8| u8::try_from(n).unwrap_or_default();
    PyDateTime::new(
        py,
        i32::from(at.year()),
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
        u32::try_from(at.subsec_nanosecond() / 1_000).unwrap_or_default(),
        Some(&*PyTzInfo::utc(py)?),
    )
}

#[pymethods]
impl Alert {
    /// The rule's message.
    #[getter]
    fn msg(&self) -> String {
        String::from_utf8_lossy(&self.0.msg()).into_owned()
    }

    /// The rule's message as it came: rules may be in any encoding.
    #[getter]
    fn msg_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.msg())
    }

    /// When the packet was seen: seconds since 1970, UTC.
    #[getter]
    fn ts_sec(&self) -> u32 {
        self.0.message.ts_sec
    }

    /// When the packet was seen: microseconds.
    #[getter]
    fn ts_usec(&self) -> u32 {
        self.0.message.ts_usec
    }

    /// Bytes in `pkt`.
    #[getter]
    fn caplen(&self) -> u32 {
        self.0.message.caplen
    }

    /// Bytes of the packet on the wire.
    #[getter]
    fn pktlen(&self) -> u32 {
        self.0.message.pktlen
    }

    /// Where Snort says the link header begins in `pkt`; 0 too where it says nothing.
    #[getter]
    fn dlthdr(&self) -> u32 {
        self.0.message.dlthdr
    }

    /// Where Snort says the innermost IP header begins in `pkt`; 0 where it says nothing.
    #[getter]
    fn nethdr(&self) -> u32 {
        self.0.message.nethdr
    }

    /// Where Snort says the transport header begins in `pkt`; 0 where it says nothing.
    #[getter]
    fn transhdr(&self) -> u32 {
        self.0.message.transhdr
    }

    /// Where Snort says the payload begins in `pkt`; 0 where it says nothing.
    #[getter]
    fn data(&self) -> u32 {
        self.0.message.data
    }

    /// Flags: 1 no packet, 2 no transport header.
    #[getter]
    fn val(&self) -> u32 {
        self.0.message.val
    }

    /// The packet, from its link header on; empty where Snort sent none.
    #[getter]
    fn pkt<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.message.pkt)
    }

    /// The part of Snort that raised the alert; 1 for text rules.
    #[getter]
    fn sig_generator(&self) -> u32 {
        self.0.message.sig_generator
    }

    /// The rule, within its generator.
    #[getter]
    fn sig_id(&self) -> u32 {
        self.0.message.sig_id
    }

    /// Revision of the rule.
    #[getter]
    fn sig_rev(&self) -> u32 {
        self.0.message.sig_rev
    }

    /// Position of the class in Snort's list, from 1; 0 for none.
    #[getter]
    fn classification(&self) -> u32 {
        self.0.message.classification
    }

    /// 1 is the most severe; 0 for none.
    #[getter]
    fn priority(&self) -> u32 {
        self.0.message.priority
    }

    /// Number of the event in its packet thread; starts over with Snort.
    #[getter]
    fn event_id(&self) -> u32 {
        self.0.message.event_id
    }

    /// The event that this one refers to; its own number, as a rule.
    #[getter]
    fn event_reference(&self) -> u32 {
        self.0.message.event_reference
    }

    /// When the event happened that this one refers to: seconds since 1970, UTC.
    #[getter]
    fn tv_sec(&self) -> u32 {
        self.0.message.tv_sec
    }

    /// When the event happened that this one refers to: microseconds.
    #[getter]
    fn tv_usec(&self) -> u32 {
        self.0.message.tv_usec
    }

    /// When the packet was seen, as a `datetime` in UTC.
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.0.timestamp())
    }

    /// When the alert was received, as a `datetime` in UTC.
    #[getter]
    fn received<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.0.received)
    }

    /// Source address: of Snort's log, or else of the innermost IP header that Snort read.
    #[getter]
    fn src_ip(&self) -> Option<String> {
        self.0.src_ip().map(|ip| ip.to_string())
    }

    /// Source port of TCP, UDP or SCTP.
    #[getter]
    fn src_port(&self) -> Option<u16> {
        self.0.src_port()
    }

    /// Destination address: of Snort's log, or else of the innermost IP header that Snort read.
    #[getter]
    fn dst_ip(&self) -> Option<String> {
        self.0.dst_ip().map(|ip| ip.to_string())
    }

    /// Destination port of TCP, UDP or SCTP.
    #[getter]
    fn dst_port(&self) -> Option<u16> {
        self.0.dst_port()
    }

    /// `"ICMPv6"` or IANA's keyword, such as `"TCP"` or `"SCTP"`; a number that IANA has not assigned.
    #[getter]
    fn proto<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(protocol) = self.0.protocol() else { return Ok(None) };
        let proto = match protocol.name() {
            Some(name) => name.into_pyobject(py)?.into_any(),
            None => protocol.0.into_pyobject(py)?.into_any(),
        };
        Ok(Some(proto))
    }

    /// Whether Snort states other addresses, ports, protocol or VLAN than the packet's headers look like.
    #[getter]
    fn dissection_differs(&self) -> bool {
        self.0.dissection_differs()
    }

    /// The numbers of the VLANs, outermost first.
    #[getter]
    fn vlan(&self) -> Vec<u16> {
        self.0.dissection().vlans().collect()
    }

    /// Short name of the class, such as `trojan-activity`.
    #[getter]
    fn class_(&self) -> Option<&str> {
        self.0.class().map(|class| &*class.name)
    }

    /// What Snort's logs call the class.
    #[getter]
    fn class_description(&self) -> Option<&str> {
        self.0.class().map(|class| &*class.description).filter(|text| !text.is_empty())
    }

    /// Web addresses about the rule's subject.
    #[getter]
    fn references(&self) -> Vec<String> {
        self.0.references().collect()
    }

    /// The application, if Snort has OpenAppID and knows it.
    #[getter]
    fn app_name(&self) -> Option<String> {
        self.0.message.app_name.map(|name| name.to_string())
    }

    /// How many alike alerts this one stands for, where alerts are grouped.
    #[getter]
    fn count(&self) -> Option<u64> {
        self.0.count.map(NonZeroU64::get)
    }

    /// The sensor's name, if it was given one.
    #[getter]
    fn sensor(&self) -> Option<&str> {
        self.0.origin.sensor.as_deref()
    }

    /// Path of the socket that the alert came over.
    #[getter]
    fn socket(&self) -> Option<Cow<'_, str>> {
        self.0.origin.socket.as_ref().map(|path| path.to_string_lossy())
    }

    /// The packet thread whose socket this is, in a Snort 3 with several.
    #[getter]
    fn thread(&self) -> Option<u32> {
        self.0.origin.thread
    }

    /// The process that sent the alert, as the kernel says.
    #[getter]
    fn sender(&self) -> Option<Sender> {
        self.0.sender.map(|sender| Sender { pid: sender.pid, uid: sender.uid })
    }

    /// What the datagram was taken for: `snort3`, `snort2.9`, …; none for an alert of Snort's log.
    #[getter]
    fn dialect(&self) -> Option<&'static str> {
        (self.0.medium == inner::Medium::Datagram).then(|| self.0.dialect.name())
    }

    /// What became of the packet, if Snort's log was asked: `allowed`, `blocked`, …
    #[getter]
    fn action(&self) -> Option<&'static str> {
        self.0.verdict().map(Verdict::name)
    }

    /// What Snort inspected, where that is a part of a stream and no packet, from Snort's log.
    #[getter]
    fn inspected<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.inspected().map(|bytes| PyBytes::new(py, bytes))
    }

    /// What else Snort's log knows, by name, such as `http_host`.
    #[getter]
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.to_dict(py)?.call_method1("get", ("extra", PyDict::new(py)))
    }

    /// Whether the packet's sender may have forged the event.
    #[getter]
    fn untrusted(&self) -> bool {
        self.0.untrusted
    }

    /// The packet's layers, outermost first, as far as they could be read.
    #[getter]
    fn layers(&self) -> Vec<Layer> {
        self.0.dissection().layers.iter().cloned().map(Layer::new).collect()
    }

    /// Where and why dissecting the packet ended early; `None` if all of it was understood.
    #[getter]
    fn stopped(&self) -> Option<String> {
        self.0.dissection().stopped.map(|stop| stop.to_string())
    }

    /// What the innermost IP packet carries after the last header that could be read.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.ip_payload())
    }

    /// The alert's twenty fields as a named tuple, as Pigear of 2012 had them.
    #[getter]
    fn message<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let class = slf.py().import("pigear.core")?.getattr("AlertMessage")?;
        class.call_method1("_of", (slf, false))
    }

    /// The alert as a dictionary: the JSON object.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?.call_method1("loads", (self.text(FormatName::Json),))
    }

    /// The alert as JSON: `json` (Pigear's own), `eve`, `ecs`, `ocsf` or `alert_json`.
    #[pyo3(signature = (format="json"))]
    fn to_json(&self, format: &str) -> PyResult<String> {
        let format: FormatName = format.parse().map_err(wrong)?;
        if !format.is_json() {
            let problem = format!("{format} is not JSON; to_text writes it");
            return Err(PyValueError::new_err(problem));
        }
        Ok(self.text(format))
    }

    /// The alert as text, in any format: `fast` (a line, as Snort's `alert_fast`), `full` (a
    /// paragraph, with a hexdump), `cef`, or one of JSON. Safe on a terminal.
    #[pyo3(signature = (format="fast"))]
    fn to_text(&self, format: &str) -> PyResult<String> {
        Ok(self.text(format.parse().map_err(wrong)?))
    }

    /// The twenty fields in their order; with `whole`, the packet fills its room with zeros.
    fn _values<'py>(&self, py: Python<'py>, whole: bool) -> PyResult<Bound<'py, PyTuple>> {
        let m = &self.0.message;
        let pkt = if whole { padded(py, &m.pkt)? } else { PyBytes::new(py, &m.pkt) };
        let before = (self.msg(), m.ts_sec, m.ts_usec, m.caplen, m.pktlen);
        let offsets = (m.dlthdr, m.nethdr, m.transhdr, m.data, m.val, pkt);
        let rule = (m.sig_generator, m.sig_id, m.sig_rev, m.classification, m.priority);
        let event = (m.event_id, m.event_reference, m.tv_sec, m.tv_usec);
        let parts = [
            before.into_pyobject(py)?,
            offsets.into_pyobject(py)?,
            rule.into_pyobject(py)?,
            event.into_pyobject(py)?,
        ];
        PyTuple::new(py, parts.iter().flat_map(PyTupleMethods::iter).collect::<Vec<_>>())
    }

    /// The line of `fast`.
    fn __str__(&self) -> String {
        self.text(FormatName::Fast)
    }

    fn __repr__(&self) -> String {
        let mut line = Vec::new();
        Fast::default().write(&self.0, &mut line);
        format!("<pigear.Alert {}>", String::from_utf8_lossy(&line).trim_end())
    }
}

/// The packet, and zeros behind it.
fn padded<'py>(py: Python<'py>, packet: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, PACKET_SIZE.max(packet.len()), |room| {
        if let Some(start) = room.get_mut(..packet.len()) {
            start.copy_from_slice(packet);
        }
        Ok(())
    })
}
