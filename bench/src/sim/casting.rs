//! Who takes part in a history: servers, sinks, writers, each as the seed has it.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use mainsheet_api::xds::Variant;
use mainsheet_server::{
    admission::Limits,
    config::{FollowedServer, Settings},
    views::{ViewRule, Views},
};
use tokio::sync::mpsc;

use super::{
    dial::Dialer,
    grants,
    history::{Cast, FIRST_SERVER, FIRST_VANDAL, FIRST_WRITER, History, Stage},
    library,
    network::Line,
    server::SimServer,
    sink::{Habit, Shared, Sink},
    store::{FaultyStore, StoreWeather},
    vandal::Vandal,
    world::ZONES,
    writer::Writer,
};

impl History {
    /// Everybody begins.
    pub(super) fn begin(&mut self) {
        #[allow(clippy::disallowed_methods, reason = "a set that ends with the history")]
        self.tasks.spawn(self.net.clone().run());
        self.disk.fill(&mut self.dice);
        let hub = SocketAddr::from(([10, 0, 0, 1], 15010));
        let sinks = usize::try_from(self.dice.below(3, 6)).unwrap_or(3);
        let views = self.views(sinks + 2);
        self.serve(("hub", hub), None, &views);
        let mut servers = vec![hub];
        if self.dice.percent(25) {
            let relay = SocketAddr::from(([10, 0, 0, 2], 15010));
            self.serve(("relay", relay), Some(hub), &views);
            servers.push(relay);
        }
        for index in 0..sinks {
            let server = *self.dice.pick(&servers);
            self.sink(index, server, &views);
        }
        self.library(sinks, *servers.last().unwrap_or(&hub), &views);
        self.tenant(sinks + 1, hub, &views);
        for index in 0..self.dice.below(1, 3) {
            self.writer(index, hub);
        }
        let victim = *self.dice.pick(&servers);
        if self.dice.percent(60) {
            self.vandal(victim);
        }
    }

    /// The first sees everything, the others some zones.
    fn views(&mut self, sinks: usize) -> Views {
        let mut rules = vec![ViewRule { nodes: "sidecar~*".into(), namespaces: ["*".to_owned()].into() }];
        for index in 0..sinks {
            let mut zones: BTreeSet<String> =
                ZONES.iter().filter(|_| self.dice.percent(50)).map(ToString::to_string).collect();
            // Those of the last are granted, or not.
            if index == 0 || index + 1 == sinks {
                zones = ZONES.iter().map(ToString::to_string).collect();
            }
            rules.push(ViewRule { nodes: format!("sink-{index}"), namespaces: zones });
        }
        Views { rules }
    }

    fn line(&mut self) -> Line {
        match self.dice.below(0, 10) {
            0 => Line { latency: (20, 400), bytes_per_ms: 2, window: 8 << 10 },
            1 | 2 => Line { latency: (1, 3_000), bytes_per_ms: 100, window: 32 << 10 },
            _ => Line { latency: (1, 40), bytes_per_ms: 2_000, window: 128 << 10 },
        }
    }

    fn serve(&mut self, (name, at): (&str, SocketAddr), upstream: Option<SocketAddr>, views: &Views) {
        let journal = self.net.journal.clone();
        let store = Arc::new(FaultyStore::new(name, self.seed, self.net.timeline, journal));
        store.set_weather(StoreWeather { fail: 12, stall: 4, unreadable: 3 });
        let upstreams = upstream.iter().filter_map(|hub| FollowedServer::at(&hub.to_string()).ok());
        let settings = Settings {
            upstreams: upstreams.collect(),
            grpc_addr: at,
            http_addr: SocketAddr::new(at.ip(), 15014),
            allow_api_beyond_loopback: true,
            instance: name.to_owned(),
            guard_hold: Duration::from_secs(20),
            views: views.clone(),
            authorities: [grants::name()].into(),
            history_len_max: 4,
            limits: self.limits(),
            ..Settings::default()
        };
        let (blows, befallen) = mpsc::channel(4);
        let index = u32::try_from(self.stages.len()).unwrap_or(0);
        let line = Line { latency: (1, 40), bytes_per_ms: 2_000, window: 128 << 10 };
        let server = SimServer {
            settings,
            store: Arc::clone(&store),
            net: self.net.clone(),
            dialer: Dialer {
                name: name.into(),
                client: FIRST_SERVER + index,
                line,
                is_near: true,
                sees: None,
            },
            granted: upstream.is_none().then(|| self.granted.clone()),
            disk: upstream.is_none().then(|| self.disk.clone()),
            seed: self.seed,
            admission: Arc::default(),
        };
        let admission = server.admission.clone();
        self.stages.push(Stage { store, blows, sinks: at, admission });
        self.spawn(server.run(befallen));
    }

    /// So low that whoever is greedy gets to know them.
    fn limits(&mut self) -> Limits {
        Limits {
            connections_max: 64,
            streams_max: usize::try_from(self.dice.below(9, 40)).unwrap_or(9),
            requests_per_second: 20,
            client_bytes_max: 96 << 10,
            requests_bytes_max: 512 << 10,
            ..Limits::default()
        }
    }

    fn cast(&mut self, index: usize, server: SocketAddr, views: &Views) -> Cast {
        let name = format!("sink-{index}");
        let sees =
            views.rules.iter().find(|rule| rule.nodes == name).map(|rule| Arc::new(rule.namespaces.clone()));
        let client = u32::try_from(index).unwrap_or(0);
        let dialer = Dialer {
            name: name.as_str().into(),
            client,
            line: self.line(),
            is_near: true,
            sees: sees.clone(),
        };
        let variant = if self.dice.percent(60) { Variant::Delta } else { Variant::Sotw };
        let state = Shared::default();
        Cast { name, server, dialer, variant, state, sees, is_granted: false, converges: true }
    }

    fn sink(&mut self, index: usize, server: SocketAddr, views: &Views) {
        let mut cast = self.cast(index, server, views);
        let habit = match self.dice.below(0, 10) {
            _ if index == 0 => Habit::Honest,
            0..=3 => Habit::Honest,
            4 => Habit::Slow,
            5 | 6 => Habit::Fickle,
            7 => Habit::Mute,
            8 => Habit::Picky,
            _ if self.dice.percent(50) => Habit::Greedy,
            _ => Habit::Wrong,
        };
        cast.converges = matches!(habit, Habit::Honest | Habit::Slow | Habit::Fickle | Habit::Picky);
        self.play(cast, habit);
    }

    /// A sink of another machine, which is sent what is granted to it, and taken from it what is not any more.
    fn tenant(&mut self, index: usize, server: SocketAddr, views: &Views) {
        let mut cast = self.cast(index, server, views);
        cast.dialer.is_near = false;
        cast.dialer.sees = Some(Arc::new(grants::grantable()));
        cast.is_granted = true;
        self.play(cast, Habit::Honest);
    }

    fn play(&mut self, cast: Cast, habit: Habit) {
        let server = cast.server;
        self.net.journal.note("cast", || {
            format!("{} {habit:?} {:?} at {server}, sees {:?}", cast.name, cast.variant, cast.sees)
        });
        let sink = Sink {
            node: cast.name.clone(),
            habit,
            variant: cast.variant,
            server,
            dialer: cast.dialer.clone(),
            net: self.net.clone(),
            seed: self.seed,
            state: cast.state.clone(),
            quiet: self.quiet.subscribe(),
        };
        self.casts.push(cast);
        self.spawn(sink.run());
    }

    fn library(&mut self, index: usize, server: SocketAddr, views: &Views) {
        let cast = self.cast(index, server, views);
        self.casts.push(cast.clone());
        let seed = self.dice.number();
        self.spawn(library::run(cast, self.net.clone(), seed));
    }

    fn writer(&mut self, index: u64, server: SocketAddr) {
        let name = format!("writer-{index}");
        let client = FIRST_WRITER + u32::try_from(index).unwrap_or(0);
        let line = self.line();
        let dialer = Dialer { name: name.as_str().into(), client, line, is_near: true, sees: None };
        let writer = Writer {
            name,
            server,
            dialer,
            net: self.net.clone(),
            seed: self.seed,
            disk: self.disk.clone(),
            answered: self.answers.clone(),
            quiet: self.quiet.subscribe(),
        };
        self.spawn(writer.run());
    }

    fn vandal(&mut self, server: SocketAddr) {
        let dialer = Dialer {
            name: "vandal".into(),
            client: FIRST_VANDAL,
            line: self.line(),
            is_near: true,
            sees: Some(Arc::default()),
        };
        let (net, seed, quiet) = (self.net.clone(), self.seed, self.quiet.subscribe());
        self.spawn(Vandal { server, dialer, net, seed, quiet }.run());
    }

    #[allow(clippy::disallowed_methods, reason = "a set that ends with the history")]
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }
}
