//! Labels and annotations of the pod.

use std::collections::BTreeMap;

use common::pod_identity::{
    ANNOTATION_RECREATED, ANNOTATION_TRACEPARENT, LABEL_APP, LABEL_BUILD, LABEL_CPU, LABEL_DISK, LABEL_JOB,
    LABEL_MEMORY, LABEL_PIPELINE, LABEL_PR_NUMBER, LABEL_TEMPLATE_NAME, LABEL_TEMPLATE_VERSION, LABEL_TIER,
    build_label, sanitize_label_value,
};

use super::{resources::thousandths, shape::Shape};

/// The labels of executor k8s.
pub(super) fn labels(shape: &Shape<'_>) -> BTreeMap<String, String> {
    let build = shape.build;
    let text = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
    let number = |value: f64| {
        Some(value)
            .filter(|value| *value != 0.0)
            .map(|value| value.to_string())
    };
    let given = [
        (LABEL_APP, Some("screwdriver".to_owned())),
        (LABEL_TIER, Some("builds".to_owned())),
        (LABEL_PIPELINE, text(build.pipeline_name)),
        (LABEL_JOB, text(build.job_name)),
        (LABEL_TEMPLATE_NAME, text(build.template_full_name)),
        (LABEL_TEMPLATE_VERSION, text(build.template_version)),
        (
            LABEL_PR_NUMBER,
            build
                .pr_num
                .filter(|number| *number != 0)
                .map(|number| number.to_string()),
        ),
        (LABEL_CPU, number(thousandths(shape.size.cores) / 1000.0)),
        (LABEL_MEMORY, number(shape.size.gigabytes)),
        (LABEL_DISK, Some(shape.disk.to_owned())),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let labels = given.chain(shape.pod().labels.iter().cloned());
    let mut labels: BTreeMap<String, String> = labels
        .map(|(name, value)| (name, sanitize_label_value(&value)))
        .collect();
    // Last, since a pod whose build nobody finds is never looked after (D40).
    labels.insert(LABEL_BUILD.to_owned(), label_of_build(shape));
    labels
}

/// The labels of executor k8s-vm.
pub(super) fn vm_labels(shape: &Shape<'_>) -> BTreeMap<String, String> {
    let labels = [
        (LABEL_BUILD, label_of_build(shape)),
        (LABEL_APP, super::vm::APP.to_owned()),
        (LABEL_TIER, "builds".to_owned()),
    ];
    labels.map(|(name, value)| (name.to_owned(), value)).into()
}

/// `configured` annotations and ours; `None` when there are none.
pub(super) fn annotations(
    shape: &Shape<'_>,
    configured: &[(String, String)],
) -> Option<BTreeMap<String, String>> {
    let mut annotations: BTreeMap<String, String> = configured.iter().cloned().collect();
    if let Some(traceparent) = shape.build.traceparent {
        annotations.insert(ANNOTATION_TRACEPARENT.to_owned(), traceparent.to_owned());
    }
    if shape.build.recreated > 0 {
        annotations.insert(ANNOTATION_RECREATED.to_owned(), shape.build.recreated.to_string());
    }
    Some(annotations).filter(|annotations| !annotations.is_empty())
}

fn label_of_build(shape: &Shape<'_>) -> String {
    build_label(&shape.executor.prefix, &shape.build.build_id)
}
