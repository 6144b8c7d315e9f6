"""The keys of a scenario file as checked objects: their types, bounds and meaning; the JSON Schema comes from them.

Faults carry plain words of their own (`allowed`, `hint`); `scenario_file` adds file and line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import TypeAliasType

from rallsim.errors import nearest
from rallsim.model.conditions import Condition, condition_schema, read_condition

WORD = r"[a-z][a-z0-9_]*"
OWN_PATIENTS = (".yaml", ".yml", ".csv")
OWN_COSTS = (".yaml", ".yml")
LIFETIME = "lifetime"
LIFETIME_MONTHS = 1200.0  # from entry: everybody has reached age 100 by then, and life tables end at 110
NONE = "none"  # stands for no economics among costs, for no body among perspectives
_PATIENTS = rf"^({WORD}|.*\.(yaml|yml|csv))$"
_COSTS = rf"^({WORD}|.*\.(yaml|yml))$"
_PARAMETER_PATH = rf"{WORD}(\.[a-z0-9_]+)+"
_STRATEGY_ID = r"[A-Za-z][A-Za-z0-9_.]*"
_RESERVED_IN_R = {
    *("if", "else", "repeat", "while", "function", "for", "in", "next", "break"),
    *("TRUE", "FALSE", "NULL", "Inf", "NaN", "NA"),
}


def _fault(message: str, allowed: str = "", hint: str | None = None) -> PydanticCustomError:
    return PydanticCustomError("rallsim", message, {"allowed": allowed, "hint": hint})


def _known(kind: str, info: ValidationInfo) -> Sequence[str]:
    return cast(dict[str, Sequence[str]], info.context)[kind]


def _one_of(kind: str) -> Callable[[object, ValidationInfo], str]:
    def check(value: object, info: ValidationInfo) -> str:
        known = _known(kind, info)
        if not isinstance(value, str):
            raise _fault("must be text", ", ".join(known))
        if value not in known:
            raise _fault(
                f"must be {'' if kind == 'costs' else 'a '}known {kind}", ", ".join(known), nearest(value, known)
            )
        return value

    return check


def _patients(value: object, info: ValidationInfo) -> str:
    if isinstance(value, str) and value.endswith(OWN_PATIENTS):
        return value
    return _one_of("population")(value, info)


def _condition(value: object, info: ValidationInfo) -> Condition:
    condition, faults = read_condition(value, _known("therapy", info))
    if faults:
        lines = [
            InitErrorDetails(type=_fault(fault.message, fault.allowed, fault.hint), loc=fault.place, input=fault.found)
            for fault in faults
        ]
        raise ValidationError.from_exception_data("when", lines)
    return condition


def _parameter_path(path: str) -> str:
    if not re.fullmatch(_PARAMETER_PATH, path):
        raise _fault("must be a parameter's path", "lower-case words joined by dots: therapies.car_t_cd19.cr_rate")
    return path


def _strategy_id(name: str) -> str:
    if not re.fullmatch(_STRATEGY_ID, name) or name in _RESERVED_IN_R:
        raise _fault("must be a valid strategy id", "a name in R: letters, digits, _ and . after a first letter")
    return name


def _stated(value: object) -> object:
    if value is None:
        raise _fault("must be a number")
    return value


def _not_empty(value: object) -> object:
    # pydantic's min_length counts valid items only: one faulty rule would also be an empty list.
    if value in ([], {}):
        raise _fault("must not be empty")
    return value


def _nothing() -> None:
    """Return None: a default that the JSON Schema does not offer as a value to write."""


def _months(value: object) -> object:
    return LIFETIME_MONTHS if value == LIFETIME else value


def _costs(value: object, info: ValidationInfo) -> str:
    if isinstance(value, str) and value.endswith(OWN_COSTS):
        return value
    return _one_of("costs")(value, info)


_POSITIVE_SCHEMA = WithJsonSchema({"type": "number", "exclusiveMinimum": 0})
_NO_OTHERS: dict[str, Any] = {"additionalProperties": False}
_WORD_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{WORD}$"})
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]
_MONTHS_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": int(LIFETIME_MONTHS)}, {"const": LIFETIME}]
}
Therapy = Annotated[str, PlainValidator(_one_of("therapy")), _WORD_SCHEMA]
Variant = Annotated[str, PlainValidator(_one_of("variant")), _WORD_SCHEMA]
Population = Annotated[str, PlainValidator(_one_of("population")), _WORD_SCHEMA]
Patients = Annotated[str, PlainValidator(_patients), WithJsonSchema({"type": "string", "pattern": _PATIENTS})]
# A named type: the JSON Schema describes it once.
When = TypeAliasType("When", Annotated[Condition, PlainValidator(_condition), WithJsonSchema(condition_schema())])
CostFile = Annotated[str, PlainValidator(_costs), WithJsonSchema({"type": "string", "pattern": _COSTS})]
Perspective = Annotated[str, PlainValidator(_one_of("perspective")), _WORD_SCHEMA]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
ParameterPath = Annotated[str, AfterValidator(_parameter_path), WithJsonSchema({"pattern": f"^{_PARAMETER_PATH}$"})]
StrategyId = Annotated[str, AfterValidator(_strategy_id), WithJsonSchema({"pattern": f"^{_STRATEGY_ID}$"})]


class Part(BaseModel):
    """Any mapping of a scenario file: unknown keys are refused, and nothing is turned into what it is not."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SalvageRule(Part):
    """Give this therapy as the next line."""

    give: Therapy = Field(description="The therapy; a file params/therapies/<id>.yaml.")
    when: When = Field(default_factory=tuple)


class BridgingRule(Part):
    """Treat active leukaemia with this while CAR-T cells are made (bridging) or before a drug (debulking)."""

    before: Therapy = Field(description="The therapy bridged to: a CAR-T, or a drug.")
    give: Therapy = Field(description="The drug given before it.")
    when: When = Field(default_factory=tuple)


class MrdRule(Part):
    """Treat measurable residual disease in remission with this."""

    give: Therapy = Field(description="The therapy, of kind mrd.")
    after: Annotated[str | None, PlainValidator(_one_of("therapy")), _WORD_SCHEMA] = Field(
        default_factory=_nothing, description="The therapy that led to the remission. Left out: any."
    )
    when: When = Field(default_factory=tuple)


class ConsolidationRule(Part):
    """Transplant, or do not, in the remission after a therapy."""

    after: Annotated[str | None, PlainValidator(_one_of("therapy")), _WORD_SCHEMA] = Field(
        default_factory=_nothing, description="The therapy that led to the remission. Left out: any."
    )
    hsct: bool = Field(description="true: plan an allogeneic transplant; false: do not.")
    alkylators: int = Field(1, ge=1, le=2, description="Alkylating agents in the conditioning of that transplant.")
    when: When = Field(default_factory=tuple)


class StrategyKeys(Part):
    """A way to treat: lists of rules, of which the first that applies counts."""

    label: Text = Field(default_factory=str, description="The name people read; the id with spaces when left out.")
    max_lines: int = Field(4, ge=1, le=6, description="Salvage lines given at most.")
    max_transplants: int = Field(1, ge=0, le=2, description="Transplants at most, those before entry included.")
    parameters: dict[ParameterPath, Number] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Parameter values of this strategy only: dotted path -> number.",
    )
    salvage: Annotated[tuple[SalvageRule, ...], Field(strict=False), BeforeValidator(_not_empty)] = Field(
        default_factory=tuple,
        json_schema_extra={"minItems": 1},
        description="The next line: the first rule that applies and whose therapy the patient may get.",
    )
    bridging: tuple[BridgingRule, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Bridging or debulking: the first rule that applies; none: neither.",
    )
    mrd: tuple[MrdRule, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Treatment of MRD in remission: the first rule that applies; none: no such treatment.",
    )
    reinfusion: bool = Field(False, description="Infuse CAR-T cells again when B-cell aplasia is lost early.")
    consolidation: tuple[ConsolidationRule, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Transplant in remission: the first rule that applies; none: no transplant.",
    )


class Strategy(StrategyKeys):
    """A strategy with its id, complete: what it leaves out is filled from the file's `defaults`."""

    id: str


class DiscountKeys(Part):
    """Annual effective rates, applied continuously from entry."""

    costs: Rate = Field(description="Of costs: 0.035 for 3.5 %.")
    qalys: Rate = Field(description="Of QALYs and life years.")


class EconomicsKeys(Part):
    """What costs and QALYs are counted with; a key left out is the perspective's."""

    costs: CostFile | None = Field(
        default_factory=_nothing,
        description="Prices: a file params/costs/<id>.yaml, the path, from this file, of one of your own, or none.",
    )
    perspective: Perspective | None = Field(
        default_factory=_nothing,
        description="Whose discount rates and thresholds: a file params/perspectives/<id>.yaml, or none.",
    )
    discount: DiscountKeys | None = Field(
        default_factory=_nothing, description="Discount rates instead of the perspective's."
    )
    wtp: tuple[Amount, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Willingness to pay for a QALY, in the currency of the costs, instead of the perspective's.",
    )
    horizon_months: Annotated[float | None, BeforeValidator(_months), WithJsonSchema(_MONTHS_SCHEMA)] = Field(
        default_factory=_nothing,
        gt=0,
        le=int(LIFETIME_MONTHS),
        description="Months from entry for which costs, QALYs and life years are counted; for life when left out.",
    )
    incidence: Annotated[float | None, _POSITIVE_SCHEMA] = Field(
        default_factory=_nothing,
        gt=0,
        allow_inf_nan=False,
        description="Patients who enter in a year, for budgets and values of information.",
    )
    parameters: dict[ParameterPath, Number] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Other values: costs.<name> in the currency and prices of its file, utilities.<name>.",
    )


class Question(Part):
    """What is asked, and of whom: every key of a file but the strategies."""

    title: Text = Field(description="A few words.")
    question: Text = Field(description="What the scenario answers, as a question.")
    look_at: tuple[Text, ...] = Field(
        default_factory=tuple, strict=False, description="What to look at, and which assumption drives the answer."
    )
    population: Patients = Field(
        description="Who is treated: a file params/population/<id>.yaml, or the path, from this file, of a population "
        "of your own (.yaml) or of patients (.csv, one row a patient, taken in turn)."
    )
    missing_from: Population = Field(
        default_factory=lambda: "adult_relapse",
        description="The population from which empty cells of a file of patients are drawn.",
    )
    additions: Text | None = Field(
        default_factory=_nothing,
        description="A folder of your own, by its path from this file, laid out like params/: its therapies, costs and "
        "evidence are added to the shipped ones.",
    )
    patients: int = Field(ge=1, le=2**31 - 1, description="Simulated patients.")
    horizon_months: float = Field(
        gt=0,
        le=int(LIFETIME_MONTHS),
        description="Months from entry that clinical outcomes cover; costs have their own.",
    )
    seed: int = Field(ge=0, le=2**63 - 1, description="The same seed gives the same luck.")
    reference: str = Field(
        default_factory=str, min_length=1, description="The strategy others are compared with; the first when left out."
    )
    expected_seconds: Annotated[float | None, BeforeValidator(_stated), _POSITIVE_SCHEMA] = Field(
        default_factory=_nothing, gt=0, allow_inf_nan=False, description="How long a run takes, about."
    )
    variants: tuple[Variant, ...] = Field(
        default_factory=tuple,
        strict=False,
        description="Structural alternatives to switch on; files params/variants/<id>.yaml.",
    )
    eligibility: dict[Therapy, Text] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Which of a therapy's named labels decides who may get it.",
    )
    parameters: dict[ParameterPath, Number] = Field(
        default_factory=dict,
        json_schema_extra=_NO_OTHERS,
        description="Parameter values of all strategies: dotted path -> number.",
    )
    economics: EconomicsKeys = Field(
        default_factory=EconomicsKeys.model_construct,
        description="Costs, discounting and thresholds. Left out: British costs, as NICE sees them.",
    )


class Written(Question):  # noqa: D101 (a docstring would become a description in the schema)
    model_config = ConfigDict(title="rallsim scenario")

    defaults: StrategyKeys = Field(
        default_factory=StrategyKeys.model_construct,
        description="Keys of every strategy; a strategy's own key replaces the default's.",
    )
    strategies: Annotated[dict[StrategyId, StrategyKeys], BeforeValidator(_not_empty)] = Field(
        json_schema_extra={**_NO_OTHERS, "minProperties": 1}, description="The strategies compared, by id."
    )
