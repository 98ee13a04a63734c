"""One section per target; it contains one per model, which contains the model's sections."""

from __future__ import annotations

from mobilebench.analysis.summary import counts_of
from mobilebench.report.document import DOCUMENTS, Paragraph, Section, Span, Styled
from mobilebench.report.phrases import counts_sentence
from mobilebench.report.views import ModelSection, ModelView, RunView, TargetView


def section(view: RunView) -> Section | None:
    """All measurements, by target and model."""
    targets = tuple(_target(target, view.model_sections) for target in view.targets)
    return Section("measurements", style="part", sections=targets)


def _target(view: TargetView, builders: tuple[ModelSection, ...]) -> Section:
    info = view.target.info
    lead: list[Span] = [Styled(info.id, "mono"), f" · filed under {view.target.soc}"]
    if info.virtual and info.profile_soc:
        lead.append(f" · imitates {info.profile_soc}")
    state = f": its state was {info.state}" if info.state != "device" else ""
    nothing = Paragraph(f"Nothing was planned for this target{state}.", "empty", forms=DOCUMENTS)
    return Section(
        "target",
        info.name,
        blocks=() if view.models else (nothing,),
        sections=tuple(_model(model, builders) for model in view.models),
        anchor=view.anchor,
        lead=tuple(lead),
        style="target",
        mark=view.target.soc if info.virtual else None,
    )


def _model(view: ModelView, builders: tuple[ModelSection, ...]) -> Section:
    return Section(
        "model",
        view.title,
        sections=tuple(found for build in builders if (found := build(view))),
        anchor=view.anchor,
        summary=counts_sentence(counts_of(view.cases)),
        style="model",
        open=view.unfolded,
    )
