//! Which traces are kept: the standard's samplers by their names.

use super::section::Section;

/// Which traces are kept. The share of those that go by it is [`TelemetrySettings::sample_ratio`].
///
/// [`TelemetrySettings::sample_ratio`]: super::TelemetrySettings::sample_ratio
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// What the producer decided; all new ones.
    ParentOrAll,
    /// What the producer decided; no new one.
    ParentOrNone,
    /// What the producer decided; a share of the new ones.
    ParentOrShare,
    /// All.
    All,
    /// None.
    None,
    /// A share, whatever the producer decided.
    Share,
}

// === impl Sampler ===

impl Sampler {
    const WORDS: [(&'static str, Self); 6] = [
        ("parentbased_traceidratio", Self::ParentOrShare),
        ("parentbased_always_on", Self::ParentOrAll),
        ("parentbased_always_off", Self::ParentOrNone),
        ("traceidratio", Self::Share),
        ("always_on", Self::All),
        ("always_off", Self::None),
    ];

    /// The standard has samplers that are not here: no reason to stop building.
    pub(super) fn read(section: &Section<'_>) -> Self {
        let word = section.text_or("sampler", "parentbased_traceidratio");
        let known = Self::WORDS.iter().find(|(known, _)| *known == word);
        known.map_or_else(
            || {
                section.notes().warn(format!(
                    "{} asks for a sampler that there is not: traces are kept as by parentbased_traceidratio",
                    section.place_of("sampler")
                ));
                Self::ParentOrShare
            },
            |(_, sampler)| *sampler,
        )
    }
}
