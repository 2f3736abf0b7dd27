//! The screen over a store, without threads.

use super::*;

/// When the alerts were received.
pub(super) const RECEIVED: &str = "2026-11-18T16:27:50Z";

/// The screen over a store with alerts, without threads: what they would send is asked for.
pub(super) struct Top {
    pub(super) dir: TempDir,
    pub(super) store: Option<Store>,
    pub(super) app: App,
    pub(super) order: Order,
    pub(super) outbox: Outbox,
    pub(super) inbox: Receiver<Message>,
    pub(super) tail: Tail,
    pub(super) counter: Counter,
    pub(super) triage: Triage,
    pub(super) theme: Theme,
}

/// The alerts of a case, such as `v2919/http`.
pub(super) fn case(name: &str) -> Vec<Alert> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pigear-alert/tests/data");
    let mut reader = Recording::open(&data.join(name).join("alerts.dgrams.gz")).unwrap();
    let (mut datagram, mut alerts) = (Vec::new(), Vec::new());
    while reader.read(&mut datagram).unwrap() {
        let alert = AlertFactory::default().take(&datagram, None, false).unwrap();
        alerts.push(Alert::clone(&alert));
    }
    alerts
}

/// An alert with this message.
pub(in crate::top) fn alert(msg: &[u8]) -> Alert {
    let mut message = AlertMessage::default();
    message.msg = msg.into();
    (message.sig_generator, message.sig_id, message.priority) = (1, 7, 1);
    (message.ts_sec, message.ts_usec) = (1_795_019_270, 0);
    let decoded = Decoder::default().decode(&encode(&message, Dialect::Snort3)).unwrap();
    Alert::new(decoded, Arc::default(), Arc::default())
}

impl Top {
    pub(super) fn new(alerts: Vec<Alert>) -> Self {
        Self::with(alerts, Selection::default(), true)
    }

    pub(super) fn with(alerts: Vec<Alert>, selection: Selection, colour: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts.db");
        let store = Store::open(&path).unwrap();
        put(&store, alerts);
        let wanted = Wanted::new(selection, TimeZone::UTC).unwrap();
        let wanted = wanted.with_period_of(&crate::store::Reader::open(&path).unwrap()).unwrap();
        let (sender, inbox) = channel();
        let (order, outbox) = (Order::new(wanted.clone()), Outbox::new(sender));
        let tail = Tail::new(path.clone(), order.clone(), outbox.clone()).unwrap();
        let counter = Counter::new(path.clone(), order.clone(), outbox.clone());
        let triage = Triage::new(path);
        let (app, theme) = (App::new(PathBuf::from("alerts.db"), wanted), Theme::new(colour));
        let store = Some(store);
        let mut top = Self { dir, store, app, order, outbox, inbox, tail, counter, triage, theme };
        top.look();
        top
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("alerts.db")
    }

    /// What the threads would do.
    pub(super) fn look(&mut self) {
        self.tail.look().unwrap();
        if let Some(search) = self.tail.take_search() {
            search.run().unwrap();
        }
        self.counter.look().unwrap();
        self.receive();
        // A page of the file more or less is not the subject.
        self.app.size = self.app.size.map(|_| 3 << 20);
    }

    pub(super) fn put(&self, alerts: Vec<Alert>) {
        put(self.store.as_ref().unwrap(), alerts);
    }

    pub(super) fn receive(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            self.outbox.taken(&message);
            assert_eq!(self.app.take(message), Outcome::Draw);
        }
    }

    pub(super) fn press(&mut self, key: Key) {
        assert_eq!(self.app.take(Message::Key(key)), Outcome::Draw);
        if let Some(change) = self.app.take_change() {
            let triaged = Message::Triaged(Box::new(self.triage.change(change)));
            assert_eq!(self.app.take(triaged), Outcome::Draw);
        }
        if let Some((search, before)) = self.app.take_further() {
            self.order.go_on(search, before);
            self.look();
        }
        if let Some(wanted) = self.app.new_wish() {
            self.order.change(wanted);
            self.look();
        }
        if let Some(alert) = self.app.take_opening() {
            detail::open(self.path(), alert, self.outbox.clone());
            let message = self.inbox.recv().unwrap();
            self.app.take(message);
        }
    }

    pub(super) fn types(&mut self, text: &str) {
        text.chars().for_each(|letter| self.press(Key::Char(letter)));
    }

    pub(super) fn terminal(&mut self, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let now: Timestamp = RECEIVED.parse().unwrap();
        terminal.draw(|frame| draw(frame, &mut self.app, &self.theme, now)).unwrap();
        self.order.show(self.app.shown());
        terminal
    }

    /// What is on a screen of this size.
    pub(super) fn screen(&mut self, width: u16, height: u16) -> String {
        self.terminal(width, height).backend().to_string()
    }
}

pub(in crate::top) fn put(store: &Store, alerts: Vec<Alert>) {
    let received = RECEIVED.parse().unwrap();
    let at = |mut alert: Alert| {
        alert.received = received;
        Arc::new(alert)
    };
    let alerts: Vec<_> = alerts.into_iter().map(at).collect();
    store.handler(Unstorable::HandOn).handle(&alerts).unwrap();
}

/// Recorded alerts of three cases.
pub(super) fn recorded() -> Vec<Alert> {
    [case("v2919/icmp_ping"), case("v3122/http"), case("v2919/http")].concat()
}

pub(super) fn lanes() -> Vec<LaneState> {
    let lane = |name: &str, lag, dead_letters, target: Option<&str>| LaneState {
        name: name.to_owned(),
        lag,
        moved: None,
        dead_letters,
        removed_letters: 0,
        account: Totals::default(),
        target: target.map(str::to_owned),
        is_in_use: true,
    };
    vec![
        lane("syslog", 0, 0, Some("tcp://logs.example:6514")),
        lane("http", 1_234, 0, Some("https://siem.example/alerts")),
        lane("block", 0, 3, None),
        lane("old\u{202e}\x1b[31m", 0, 0, None),
    ]
}
