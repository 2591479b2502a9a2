"""The thresholds of runs as JUnit XML, which CI systems read: a test case each."""

from xml.etree import ElementTree as ET

from stresser.analysis.compare.comparison_verdict import ComparisonVerdict
from stresser.analysis.views.run_report import Report, RunReport
from stresser.model.verdict import ThresholdResult, Verdict
from stresser.report.first_screen import told


def junit_xml(report: Report) -> str:
    """One suite a run, one test case a threshold, and one for the comparison.

    What is inconclusive was not tested: it is a skipped case with its reason.
    """
    root = ET.Element("testsuites", name="stresser")
    for run in report.runs:
        _add_run(root, run)
    if report.comparison is not None:
        _add_comparison(root, report)
    for suite in root:
        _count(suite)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_run(root: ET.Element, run: RunReport) -> None:
    summary = run.summary
    suite = ET.SubElement(
        root,
        "testsuite",
        name=f"{summary.scenario} ({run.name})",
        timestamp=summary.started_utc,
        time=f"{summary.elapsed_ns / 1e9:.3f}",
    )
    for result in summary.thresholds:
        case = ET.SubElement(suite, "testcase", classname=summary.scenario, name=result.rule)
        _add_answer(case, result)
    case = ET.SubElement(suite, "testcase", classname=summary.scenario, name="the run's figures")
    if summary.doubts:
        ET.SubElement(case, "skipped", message="; ".join(summary.doubts))
    answers = "\n".join(f"{question} {text}" for question, text in told(summary.answer))
    ET.SubElement(case, "system-out").text = answers


def _add_answer(case: ET.Element, result: ThresholdResult) -> None:
    if result.verdict is Verdict.FAIL:
        ET.SubElement(case, "failure", message=f"measured {result.shown}", type="threshold")
    elif result.verdict is Verdict.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=result.shown)
    else:
        ET.SubElement(case, "system-out").text = f"measured {result.shown}"


def _add_comparison(root: ET.Element, report: Report) -> None:
    comparison = report.comparison
    if comparison is None:
        return
    suite = ET.SubElement(root, "testsuite", name="comparison")
    labels = f"{comparison.candidate.label} no worse than {comparison.baseline.label}"
    case = ET.SubElement(suite, "testcase", classname="comparison", name=labels)
    if comparison.verdict is ComparisonVerdict.WORSE:
        failure = ET.SubElement(case, "failure", message=comparison.reason, type="comparison")
        failure.text = comparison.paragraph
    elif comparison.verdict is ComparisonVerdict.CANNOT_TELL:
        ET.SubElement(case, "skipped", message=comparison.reason)
    else:
        ET.SubElement(case, "system-out").text = comparison.paragraph


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for what, name in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(what, str(len(suite.findall(f"testcase/{name}"))))
