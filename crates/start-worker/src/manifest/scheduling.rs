//! Which nodes a pod may and should run on.

use k8s_openapi::api::core::v1::{
    NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm,
    Toleration,
};

use super::shape::Shape;

/// Labels that the node must have, in order.
pub(super) type Selectors = Vec<(String, String)>;

/// What the job asks for; then what the operator wants, which goes over the job's wish.
pub(super) fn selectors(shape: &Shape<'_>) -> Selectors {
    let asked = shape.node_wishes.iter();
    let asked = asked.map(|(label, value)| ((*label).to_owned(), value.clone()));
    let mut selectors = Selectors::new();
    for (key, value) in asked.chain(shape.pod().node_selectors.iter().cloned()) {
        match selectors.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => selectors.push((key, value)),
        }
    }
    selectors
}

/// The nodes that are selected may be tainted by the same key and value to keep others away.
pub(super) fn tolerations(selectors: &Selectors) -> Option<Vec<Toleration>> {
    let toleration = |(key, value): &(String, String)| Toleration {
        key: Some(key.clone()),
        value: Some(value.clone()),
        effect: Some("NoSchedule".to_owned()),
        operator: Some("Equal".to_owned()),
        ..Default::default()
    };
    Some(selectors.iter().map(toleration).collect()).filter(|tolerations: &Vec<_>| !tolerations.is_empty())
}

/// `None` when any node will do.
pub(super) fn node_affinity(shape: &Shape<'_>, selectors: &Selectors) -> Option<NodeAffinity> {
    let preferred = &shape.pod().preferred_node_selectors;
    if selectors.is_empty() && preferred.is_empty() {
        return None;
    }
    let required = || NodeSelector {
        node_selector_terms: vec![term(selectors)],
    };
    let preferred_terms = || {
        vec![PreferredSchedulingTerm {
            weight: 100,
            preference: term(preferred),
        }]
    };
    Some(NodeAffinity {
        required_during_scheduling_ignored_during_execution: (!selectors.is_empty()).then(required),
        preferred_during_scheduling_ignored_during_execution: (!preferred.is_empty()).then(preferred_terms),
    })
}

fn term(labels: &[(String, String)]) -> NodeSelectorTerm {
    let requirement = |(key, value): &(String, String)| NodeSelectorRequirement {
        key: key.clone(),
        operator: "In".to_owned(),
        values: Some(vec![value.clone()]),
    };
    NodeSelectorTerm {
        match_expressions: Some(labels.iter().map(requirement).collect()),
        match_fields: None,
    }
}
