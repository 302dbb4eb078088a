//! What decides beside a message: the operator's settings and what follows from them. Pure.

use crate::{ladder::Ladder, settings::Settings};

/// What both workers' plans and outcomes go by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Executors, clocks, limits and deadlines.
    pub settings: Settings,
    /// When checks fall due.
    pub ladder: Ladder,
}

// === impl Policy ===

impl Policy {
    /// The policy of these settings.
    pub fn new(settings: Settings) -> Self {
        let checks = &settings.checks;
        let ladder = Ladder::new(&checks.ladder, checks.init_timeout).watching(checks.watch_running);
        Self { settings, ladder }
    }
}
