//! Which part of a list is wanted, in which order: what all lists of the API have in common.

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// Oldest or smallest first.
    Ascending,
    /// Newest or largest first; the API's own default.
    Descending,
}

/// What to list and how. The default is everything, newest first, fifty at a time.
///
/// The API counts the pages anew with each call. A list that grows or shrinks while it is read may show an item
/// twice or pass over one: whoever changes what is listed collects it first ([`Items::all`](crate::Items::all)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct Listing {
    sort: Option<Sort>,
    page_size: Option<u32>,
    filters: Vec<(String, String)>,
}

// === impl Listing ===

impl Listing {
    /// The most items that the API puts on a page.
    const LARGEST_PAGE: u32 = 50;

    /// In which order.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = Some(sort);
        self
    }

    /// How many items to fetch with one call, from 1 to 50; anything else is the nearest of these.
    pub fn page_size(mut self, count: u32) -> Self {
        self.page_size = Some(count);
        self
    }

    /// A filter that this list of the API has, by the name of its query parameter: `search` of pipelines,
    /// `groupEventId` or `fetchSteps` of builds, `status` of a job's builds, `sha` of events. Lists know
    /// different filters and refuse unknown ones as invalid.
    pub fn filter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.filters.push((name.into(), value.into()));
        self
    }

    /// The same with this filter, unless it is set already.
    pub(crate) fn filter_unless_set(self, name: &str, value: &str) -> Self {
        if self.filters.iter().any(|(set, _)| set == name) {
            return self;
        }
        self.filter(name, value)
    }

    /// The query of a page, from 1.
    pub(crate) fn query(&self, page: u32) -> Vec<(String, String)> {
        let count = self.page_size.unwrap_or(Self::LARGEST_PAGE);
        let count = count.clamp(1, Self::LARGEST_PAGE);
        let mut query = vec![
            ("page".to_owned(), page.to_string()),
            ("count".to_owned(), count.to_string()),
        ];
        if let Some(sort) = self.sort {
            query.push(("sort".to_owned(), sort.as_str().to_owned()));
        }
        query.extend(self.filters.iter().cloned());
        query
    }
}

// === impl Sort ===

impl Sort {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(listing: &Listing, page: u32) -> String {
        let pairs = listing.query(page);
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }

    #[test]
    fn a_listing_becomes_a_query() {
        assert_eq!(query(&Listing::default(), 1), "page=1&count=50");
        let listing = Listing::default()
            .sort(Sort::Ascending)
            .page_size(7)
            .filter("search", "screwdriver");
        assert_eq!(
            query(&listing, 3),
            "page=3&count=7&sort=ascending&search=screwdriver"
        );
        for (asked, sent) in [(0, 1), (1, 1), (50, 50), (51, 50), (u32::MAX, 50)] {
            let listing = Listing::default().page_size(asked).sort(Sort::Descending);
            assert_eq!(query(&listing, 1), format!("page=1&count={sent}&sort=descending"));
        }
        let set = Listing::default()
            .filter("fetchSteps", "true")
            .filter_unless_set("fetchSteps", "false");
        assert_eq!(query(&set, 1), "page=1&count=50&fetchSteps=true");
    }
}
