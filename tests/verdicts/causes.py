"""Which test provokes each reason of a verdict.

`REAL`: the cause is there: a hot phone, a busy processor, an engine that was started so. `MADE_UP`: the evidence is
made up, because nothing at hand can cause it; with the reason why.
"""

from __future__ import annotations

from mobilebench.verdicts.codes import Code

_CAUSES = "tests/verdicts/test_real_causes.py"
_HERE = "tests/verdicts/test_real_causes_here.py"
_GATES = "tests/session/test_gates_real.py"
_RULES = "tests/verdicts/test_rules.py"
_NATIVE = "tests/verdicts/test_native.py"
_DOWNLOADS = "tests/verdicts/test_downloads.py"
_TRACE = "tests/verdicts/test_trace.py"
_CASES = "tests/verdicts/test_cases.py"
_PAGES = "tests/verdicts/test_scenarios.py"
_APP = "tests/verdicts/test_app.py"
_USED = "tests/session/test_scenarios_real.py"

REAL: dict[Code, str] = {
    Code.THROTTLED: f"{_CAUSES}::test_a_phone_that_becomes_hot_throttles_and_its_clocks_fall",
    Code.TEMPERATURE_ROSE: f"{_CAUSES}::test_a_phone_that_becomes_hot_throttles_and_its_clocks_fall",
    Code.CLOCK_FELL: f"{_CAUSES}::test_a_phone_that_becomes_hot_throttles_and_its_clocks_fall",
    Code.OTHER_LOAD: f"{_CAUSES}::test_other_processes_are_other_load_and_slow_the_last_predictions_down",
    Code.SLOWED_DOWN: f"{_CAUSES}::test_other_processes_are_other_load_and_slow_the_last_predictions_down",
    Code.CLOCKS_DIFFER: f"{_CAUSES}::test_a_hot_block_and_a_cool_one_ran_at_different_clocks",
    Code.ENERGY_WINDOW_SHORT: f"{_CAUSES}::test_a_short_window_gives_few_values",
    Code.ENERGY_FEW_UPDATES: f"{_CAUSES}::test_a_short_window_gives_few_values",
    Code.ENERGY_CHARGING: f"{_CAUSES}::test_a_phone_that_is_plugged_in_during_the_window_was_charged",
    Code.ENERGY_MISSING: f"{_CAUSES}::test_a_gauge_that_stands_still_tells_no_energy",
    Code.NOT_READY: f"{_GATES}::test_a_phone_that_stays_throttled_is_marked",
    Code.BATTERY_SAVER: f"{_GATES}::test_a_battery_saver_is_named",
    Code.COMPUTES_NOTHING: f"{_HERE}::test_an_engine_that_computes_nothing_and_is_measured_once",
    Code.TOO_FEW_BLOCKS: f"{_HERE}::test_an_engine_that_computes_nothing_and_is_measured_once",
    Code.MORE_THREADS_THAN_CORES: f"{_HERE}::test_more_threads_than_this_computer_has_cores",
    Code.INTERVAL_WIDE: f"{_HERE}::test_an_interval_that_cannot_be_as_narrow_as_asked",
    Code.STOPPED_BEFORE: f"{_GATES}::test_a_block_is_stopped_cooled_and_repeated",
    Code.STOPPED_HOT: f"{_GATES}::test_a_block_is_stopped_cooled_and_repeated",
    Code.CONDITION_REFUSED: f"{_GATES}::test_a_phone_that_refuses_its_settings_is_suspect_and_one_that_does_not_is_not",
    Code.DUTY_MISSED: f"{_USED}::test_a_page_without_time_for_the_model_misses_its_duty",
    Code.INFERENCE_TOO_LONG: f"{_USED}::test_inferences_that_are_too_long_for_the_time_are_told",
}

_LIES = "only an engine, runner or page with a defect answers so"
_UNTOLD = "every engine, browser and system at hand reports this proof"
_CHANCE = "chance decides when it comes; series of blocks whose true distribution is known are made up instead"
_DEFECT = "only a defect of a rule causes it"
_DEFECT_OF_PAGES = "only a page or browser with a defect records so"
_RACE = "chance decides how the system shares its cores; the shares are made up"
_MODELS = "the models at hand have reference answers; tests of models build others, and do not measure them"
_ACCELERATOR = "only an accelerator that takes some operators causes it, and no computer at hand has one"
_PHONE = "only a person with a real phone, or one that runs out of memory, causes it; virtual phones show no app"
_NETWORK = "only a proxy, an extension or a defect between browser and server causes it"

MADE_UP: dict[Code, tuple[str, str]] = {
    Code.WRONG_ENGINE: (f"{_RULES}::TestInvalid::test_another_engine", _LIES),
    Code.WRONG_PASS: (f"{_NATIVE}::TestPasses::test_another_pass", _LIES),
    Code.KERNELS_MISSING: (f"{_NATIVE}::TestPasses::test_a_pass_that_saw_nothing", _LIES),
    Code.MEMORY_MISSING: (f"{_NATIVE}::TestPasses::test_a_pass_that_saw_nothing", _LIES),
    Code.RECORDED_WHILE_TIMING: (f"{_NATIVE}::TestPasses::test_watching_is_not_timing", _LIES),
    Code.WARMUP_MISSING: (f"{_RULES}::TestInvalid::test_no_warmup", _LIES),
    Code.OUTPUT_MISSING: (f"{_RULES}::TestInvalid::test_no_answer", _LIES),
    Code.WRONG_BACKEND: (f"{_RULES}::TestInvalid::test_another_backend", _LIES),
    Code.TRACE_MISSING: (f"{_TRACE}::test_none_is_invalid", _LIES),
    Code.TRACE_MARKS_MISSING: (f"{_TRACE}::test_one_without_the_page_s_marks_is_invalid", _LIES),
    Code.RULE_FAILED: (
        "tests/verdicts/test_reading.py::TestARuleThatFails::test_the_block_is_suspect_and_the_rule_is_named",
        _DEFECT,
    ),
    Code.BLOCKS_FAR_APART: ("tests/verdicts/test_blocks_far_apart.py::test_blocks_that_are_too_far_apart", _CHANCE),
    Code.TWO_MODES: (f"{_CASES}::test_two_speeds_are_two_modes", _CHANCE),
    Code.BLOCKS_DRIFT: (f"{_CASES}::test_blocks_that_become_slower_drift", _CHANCE),
    Code.BLOCKS_CORRELATED: (f"{_CASES}::test_slow_swings_are_correlation", _CHANCE),
    Code.ENERGY_IDLE_DRIFTS: (
        "tests/verdicts/test_energy.py::test_an_idle_power_that_drifts_is_suspect",
        "the idle power of a virtual phone follows its work, and nothing works on it after a block",
    ),
    Code.THREADS_IDLE: (f"{_NATIVE}::TestThreads::test_threads_that_a_small_model_leaves_idle", _RACE),
    Code.THREADS_STARVED: (
        f"{_RULES}::TestSuspect::test_a_thread_starved_by_too_few_cores_is_no_proof_against_it",
        _RACE,
    ),
    Code.TWO_THREAD_POOLS: (
        f"{_NATIVE}::TestThreads::test_pools_of_tensorflow_lites_own_kernels_that_take_turns",
        _RACE,
    ),
    Code.THREADS_MISSING: (f"{_RULES}::TestInvalid::test_threads_fell_to_one", _LIES),
    Code.WRONG_DELEGATE: (
        f"{_NATIVE}::TestDelegation::test_the_processor_was_asked_for_and_something_else_computed",
        _LIES,
    ),
    Code.WRONG_AFFINITY: (
        f"{_NATIVE}::TestAffinity::test_a_thread_that_left",
        "only a real phone moves threads by itself, as some makers' schedulers do",
    ),
    Code.WRONG_PRIORITY: (f"{_NATIVE}::TestPriority::test_another_one", _LIES),
    Code.WRONG_MODEL_ACCESS: (f"{_NATIVE}::test_how_the_model_was_read", _LIES),
    Code.WRONG_RENDERER: (
        f"{_RULES}::TestInvalid::test_a_gpu_that_fell_back_to_software",
        "no computer at hand has a GPU whose driver fails",
    ),
    Code.WRONG_RELEASE: (f"{_RULES}::TestInvalid::test_another_release", _LIES),
    Code.WRONG_ISOLATION: (f"{_RULES}::TestInvalid::test_isolation_where_none_was_asked_for", _LIES),
    Code.DOWNLOAD_NOT_SENT: (f"{_DOWNLOADS}::test_bytes_have_to_agree", _NETWORK),
    Code.DOWNLOAD_SIZE_DIFFERS: (f"{_DOWNLOADS}::test_bytes_have_to_agree", _NETWORK),
    Code.WRONG_ENCODING: (
        f"{_DOWNLOADS}::test_files_have_to_come_in_the_encoding_that_was_asked_for",
        _NETWORK,
    ),
    Code.DOWNLOAD_TIMES_DIFFER: (
        f"{_DOWNLOADS}::test_the_server_cannot_send_much_longer_than_the_page_waits",
        _NETWORK,
    ),
    Code.RECORD_MISSING: (
        "tests/recorders/test_adding.py::test_a_recorder_of_pages_takes_one_module_and_one_registration",
        _LIES,
    ),
    Code.TOO_FEW_PREDICTIONS: (f"{_RULES}::TestInvalid::test_too_few_predictions", _LIES),
    Code.WRONG_ANSWER: (f"{_RULES}::TestInvalid::test_another_answer", _LIES),
    Code.TOO_MANY_THREADS: (f"{_RULES}::TestInvalid::test_more_threads_than_asked", _LIES),
    Code.TRACE_INCOMPLETE: (
        f"{_TRACE}::test_one_that_met_the_limit_is_suspect_and_says_what_it_lacks",
        "a trace that fills the browser's buffer takes minutes",
    ),
    Code.NO_REFERENCE: (f"{_RULES}::test_a_model_without_reference_answer_cannot_be_valid", _MODELS),
    Code.RANDOM_MODEL: (f"{_RULES}::test_of_a_random_model_only_what_holds_of_any_answer_is_judged", _MODELS),
    Code.STATEFUL_MODEL: (f"{_RULES}::test_of_a_model_that_carries_state_the_first_answer_is_compared", _MODELS),
    Code.CLOCK_TOO_COARSE: (
        f"{_RULES}::TestSuspect::test_a_coarse_clock",
        "how coarse a page's clock is depends on the browser's release; tests/engines/test_web_real.py allows both",
    ),
    Code.GROUPED_PREDICTIONS: (
        f"{_NATIVE}::TestGroups::test_a_group_mean_is_told_and_is_no_fault",
        "no model at hand is so fast that its runner measures groups on every computer",
    ),
    Code.UNPROVEN_ANSWER: (
        "tests/verdicts/test_reading.py::test_of_a_run_without_reference_answers_what_was_said_of_them_is_repeated",
        _MODELS,
    ),
    Code.UNPROVEN_NODE: (
        "tests/engines/test_node.py::TestVerdict::test_the_binary_the_threads_and_the_version_are",
        _LIES,
    ),
    Code.NOTHING_DELEGATED: (f"{_RULES}::TestInvalid::test_xnnpack_took_nothing", _ACCELERATOR),
    Code.TOO_LITTLE_DELEGATED: (f"{_NATIVE}::TestDelegation::test_less_than_the_asked_share_is_invalid", _ACCELERATOR),
    Code.PARTLY_DELEGATED: (f"{_NATIVE}::TestDelegation::test_a_part_that_fell_back_is_never_hidden", _ACCELERATOR),
    Code.PARTLY_ON_OTHER_KERNELS: (
        f"{_NATIVE}::TestDelegation::test_a_provider_that_computes_on_the_processor_too_hides_nothing_and_bends_nothing",
        _ACCELERATOR,
    ),
    Code.WRONG_CACHES: (
        f"{_NATIVE}::TestCaches::test_a_cache_that_could_not_be_emptied",
        "whether a file system drops its pages depends on the computer",
    ),
    Code.INHERITED_PRIORITY: (
        f"{_NATIVE}::TestPriority::test_one_that_was_inherited",
        "a test that lowers its own priority cannot raise it again",
    ),
    Code.WRONG_WASM_BUILD: (f"{_RULES}::TestInvalid::test_another_wasm_file", _LIES),
    Code.NOT_ISOLATED: (f"{_RULES}::TestInvalid::test_threads_without_isolation", _LIES),
    Code.MANUAL_NOT_ISOLATED: (
        "tests/session/test_manual.py::test_a_page_that_is_not_isolated_is_not_taken_for_one",
        "a person opens such a page; the answer of that page is made up",
    ),
    Code.PAGE_HIDDEN: (
        f"{_RULES}::TestSuspect::test_a_hidden_page",
        "a hidden page on a virtual phone stands still, so that its block fails instead",
    ),
    Code.PAGE_UNFOCUSED: (
        f"{_RULES}::TestSuspect::test_a_page_without_the_focus",
        "headless browsers have no focus to lose",
    ),
    Code.UNPROVEN_SETUP: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_BACKEND: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_THREADS: (
        "tests/verdicts/test_page_threads.py::test_without_their_processor_time_threads_are_unproven",
        _UNTOLD,
    ),
    Code.UNPROVEN_CLOCK: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_DELEGATION: (f"{_NATIVE}::TestDelegation::test_unknown_shares_are_missing_proof", _UNTOLD),
    Code.WRONG_CONTEXT: (f"{_APP}::test_another_context_is_invalid", _LIES),
    Code.APP_HIDDEN: (f"{_APP}::test_an_app_that_was_hidden_is_suspect", _PHONE),
    Code.APP_LOW_MEMORY: (f"{_APP}::test_an_app_with_low_memory_is_suspect", _PHONE),
    Code.UNPROVEN_APP: (f"{_APP}::test_an_app_without_proof_is_suspect", _LIES),
    Code.UNPROVEN_AFFINITY: (f"{_NATIVE}::TestAffinity::test_unreadable", _UNTOLD),
    Code.UNPROVEN_PRIORITY: (f"{_NATIVE}::TestPriority::test_unreadable", _UNTOLD),
    Code.UNPROVEN_CACHES: (f"{_NATIVE}::TestCaches::test_unreadable", _UNTOLD),
    Code.UNPROVEN_MODEL_ACCESS: (f"{_NATIVE}::test_how_the_model_was_read", _UNTOLD),
    Code.UNPROVEN_WASM_FILE: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_RENDERER: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_BROWSER: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_RELEASE: (f"{_RULES}::TestInvalid::test_another_release", _UNTOLD),
    Code.UNPROVEN_ISOLATION: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_VISIBILITY: (f"{_RULES}::TestSuspect::test_a_missing_proof_is_named", _UNTOLD),
    Code.UNPROVEN_DOWNLOADS: (f"{_DOWNLOADS}::test_a_page_that_tells_nothing_lacks_a_proof", _UNTOLD),
    Code.SCENARIO_MISSING: (f"{_PAGES}::test_a_scenario_without_a_record_is_wrong", _DEFECT_OF_PAGES),
    Code.SCENARIO_TOO_SHORT: (
        f"{_PAGES}::test_a_page_that_was_hardly_used_and_drew_nothing_is_doubtful",
        "no page is used for less than a second unless it is asked for so",
    ),
    Code.NO_FRAMES: (f"{_PAGES}::test_a_page_that_was_hardly_used_and_drew_nothing_is_doubtful", _DEFECT_OF_PAGES),
    Code.WRONG_PLACE: (f"{_PAGES}::test_another_thread_is_wrong", _LIES),
    Code.NO_DUTY: (
        f"{_PAGES}::test_a_single_inference_reaches_no_duty",
        "chance decides how many inferences end in time",
    ),
    Code.HIDDEN_WHILE_INFERRING: (
        f"{_PAGES}::test_a_page_that_was_hidden_meanwhile_is_wrong",
        "browsers without a screen hide no page by themselves, and a block whose page was seen hidden fails",
    ),
}
