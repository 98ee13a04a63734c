"""One section per target; it contains one per model, which contains the model's sections."""

from __future__ import annotations

from mobilebench.analysis.summary import counts_of
from mobilebench.report import document as doc
from mobilebench.report.phrases import counts_sentence
from mobilebench.report.sections import figures
from mobilebench.report.views import ModelSection, ModelView, RunView, TargetView, target_names


def section(view: RunView) -> doc.Section | None:
    """All measurements, by target and model."""
    names = target_names(view.run)
    targets = tuple(_target(target, view.model_sections, names[target.target.info.id]) for target in view.targets)
    return doc.Section("measurements", style="part", sections=targets)


def _target(view: TargetView, builders: tuple[ModelSection, ...], name: str) -> doc.Section:
    info = view.target.info
    lead: list[doc.Span] = [doc.Styled(info.id, "mono"), f" · filed under {view.target.soc}"]
    if info.virtual and info.profile_soc:
        lead.append(f" · imitates {info.profile_soc}")
    state = f": its state was {info.state}" if info.state != "device" else ""
    forms = doc.FORMS if state else doc.DOCUMENTS
    nothing = doc.Paragraph(f"Nothing was planned for this target{state}.", "empty", forms=forms)
    found = "; ".join(one.describe() for one in info.doctor or ())
    faults = (doc.Paragraph(f"The doctor found before the run: {found}.", "small"),) if found else ()
    return doc.Section(
        "target",
        info.name,
        blocks=(*faults, *(figures.of_target(view) if view.models else (nothing,))),
        sections=tuple(_model(model, builders) for model in view.models),
        anchor=view.anchor,
        lead=tuple(lead),
        style="target",
        mark=view.target.soc if info.virtual else None,
        facet=name,
    )


def _model(view: ModelView, builders: tuple[ModelSection, ...]) -> doc.Section:
    return doc.Section(
        "model",
        view.title,
        sections=tuple(found for build in builders if (found := build(view))),
        anchor=view.anchor,
        summary=counts_sentence(counts_of(view.cases)),
        style="model",
        open=view.unfolded,
        facet=view.group.model,
    )
