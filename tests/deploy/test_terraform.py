"""Terraform for Google Cloud, as far as it can be checked without a provider."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from deploy.configuration import FILES, evaluate, parsed, references, resource, resources, strings, terraform
from deploy.roots import all_variables, cloud_calls, has_root, published, settings_of, variables
from usher_shared.bus.pubsub import PubSubEventBus
from usher_shared.bus.pubsub_topology import kept
from usher_shared.cloud import SERVICES, CloudSettings, callers
from usher_shared.events import load_topics
from usher_shared.http.google_tokens import audience_of

SUBSCRIBERS = {subscription.service for subscription in load_topics().subscriptions}
ROOTS = [service for service in SERVICES if has_root(service)]


def test_the_files_are_formatted() -> None:
    done = terraform("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_whatever_a_file_refers_to_is_declared(path: Path) -> None:
    declared = {f"{kind}.{name}" for kind, name, _ in resources()}
    for file in FILES:
        content = parsed(file)
        for block in content.get("data", []):
            declared |= {f"data.{kind}.{name}" for kind, named in block.items() for name in named}
        for block in content.get("variable", []):
            declared |= {f"var.{name}" for name in block}
        for block in content.get("locals", []):
            declared |= {f"local.{name}" for name in block if name != "__is_block__"}
    used = {address for _, text in strings(parsed(path)) for address in references(text)}
    assert used <= declared, sorted(used - declared)


def test_every_variable_is_used_and_explained() -> None:
    used = {address for path in FILES for _, text in strings(parsed(path)) for address in references(text)}
    for block in (block for path in FILES for block in parsed(path).get("variable", [])):
        for name, body in block.items():
            assert f"var.{name}" in used, name
            assert body["description"], name


# services


def test_the_services_are_those_of_the_code() -> None:
    assert set(evaluate()["services"]) == set(SERVICES)
    service = resource("google_cloud_run_v2_service", "service")
    assert service["for_each"] == "${local.services}"
    assert service["name"] == "usher-${each.key}"
    assert [audience.replace("${each.key}", "agent") for audience in service["custom_audiences"]] == [
        audience_of("agent")
    ]


def test_the_gateway_alone_is_reached_from_outside() -> None:
    services = evaluate()["services"]
    assert {name for name, own in services.items() if own["ingress"] == "INGRESS_TRAFFIC_ALL"} == {"gateway"}
    assert {own["ingress"] for own in services.values()} == {"INGRESS_TRAFFIC_ALL", "INGRESS_TRAFFIC_INTERNAL_ONLY"}


def test_the_platform_leaves_tokens_to_whom_customers_or_pushes_reach() -> None:
    verifying = {name for name, own in evaluate()["services"].items() if own["verifies"]}
    assert verifying == {"gateway"} | SUBSCRIBERS


@pytest.mark.parametrize("service", ROOTS)
def test_who_works_between_requests_keeps_its_instance(service: str) -> None:
    """An outbox has a relay and sweeps, so whoever publishes works in the background."""
    assert evaluate()["services"][service]["background"] == bool(cloud_calls(service, "bus"))


def test_probes_ask_paths_that_every_service_has() -> None:
    container = resource("google_cloud_run_v2_service", "service")["template"][0]["containers"][0]
    source = (Path(__file__).resolve().parents[2] / "shared/usher_shared/http/app.py").read_text()
    for probe in ("startup_probe", "liveness_probe"):
        assert f'@router.get("{container[probe][0]["http_get"][0]["path"]}")' in source


# settings


@pytest.mark.parametrize("service", SERVICES)
def test_variables_exist_and_required_ones_are_set(service: str) -> None:
    everything = evaluate(agent_model_api_key="true", traces="otlp", otlp_endpoint="http://collector:4318")
    given = {"USHER_SERVICE_URL", *everything["variables"][service], *everything["secret_variables"][service]}
    known = all_variables()
    assert given - {"OTEL_EXPORTER_OTLP_ENDPOINT"} <= known[""] | known[service]
    required = {
        name
        for settings in (CloudSettings, settings_of(service))
        for name, is_required in variables(settings).items()
        if is_required
    }
    assert required <= given


def test_the_address_of_a_service_has_a_place_for_its_name() -> None:
    block = next(block for path in FILES for block in parsed(path).get("locals", []) if "service_url" in block)
    url = block["service_url"].replace("${data.google_project.this.number}", "1234").replace("${var.region}", "europe")
    settings = CloudSettings(project="p", service_url=url)
    assert settings.service_url.format(service="agent") == "https://usher-agent-1234.europe.run.app"
    dynamic = resource("google_cloud_run_v2_service", "service")["template"][0]["containers"][0]["dynamic"]
    assert "USHER_SERVICE_URL = local.service_url" in dynamic[0]["env"]["for_each"]


def test_settings_reach_only_the_service_that_they_name() -> None:
    given = evaluate(settings='{ agent = { USHER_AGENT_STEP_LIMIT = "4" } }')["variables"]
    assert {service for service, values in given.items() if "USHER_AGENT_STEP_LIMIT" in values} == {"agent"}


# secrets

_SECRET = re.compile(r"secret_data|password|auth_string|private_key|api_key|credential", re.IGNORECASE)


def test_no_secret_stands_in_a_file() -> None:
    for kind, name, body in resources():
        for path, text in strings(body):
            if _SECRET.search(path.rpartition(".")[2]):
                assert references(text), f"{kind}.{name}: {path} is written out"


def test_secrets_are_references_that_their_service_alone_reads() -> None:
    everything = evaluate(agent_model_api_key="true")
    for service, given in everything["secret_variables"].items():
        assert not set(given) & set(everything["variables"][service])
        assert {everything["secrets"][secret]["service"] for secret in given.values()} <= {service}
    member = resource("google_secret_manager_secret_iam_member", "service")
    assert member["member"] == "${google_service_account.service[each.value.service].member}"


def test_an_optional_secret_is_asked_for_only_when_it_is_wanted() -> None:
    assert "USHER_AGENT_MODEL_API_KEY" not in evaluate()["secret_variables"]["agent"]
    assert "USHER_AGENT_MODEL_API_KEY" in evaluate(agent_model_api_key="true")["secret_variables"]["agent"]
    wanted = evaluate(agent_model_keys='["USHER_AGENT_KEY_GEMINI"]')
    assert wanted["secret_variables"]["agent"] == {"USHER_AGENT_KEY_GEMINI": "agent-key-gemini"}
    wanted = evaluate(inference_model_keys='["USHER_INFERENCE_KEY_GEMINI"]')
    assert wanted["secret_variables"]["inference"] == {"USHER_INFERENCE_KEY_GEMINI": "inference-key-gemini"}
    assert "USHER_TOOLS_STRIPE_SECRET_KEY" not in evaluate()["secret_variables"]["tools"]
    assert "USHER_TOOLS_STRIPE_SECRET_KEY" in evaluate(stripe="true")["secret_variables"]["tools"]
    assert "USHER_TOOLS_PARTNER_KEY" not in evaluate()["secret_variables"]["tools"]
    assert "USHER_TOOLS_PARTNER_KEY" in evaluate(partner="true")["secret_variables"]["tools"]


# who may do what


def test_calls_are_those_that_the_roots_make() -> None:
    # a service that asks for its own URL calls nobody
    expected = {service: set(cloud_calls(service, "client", "url")) - {service} for service in ROOTS}
    expected["push"] = set(SUBSCRIBERS)
    expected["operator"] = set(SERVICES) - {"gateway"}  # each but the gateway shows /openapi.json to `cli`
    granted = {caller: set(called) for caller, called in evaluate()["calls"].items()}
    assert granted == {caller: called for caller, called in expected.items() if called}


def test_an_invoker_is_bound_for_each_call_and_no_other() -> None:
    edges = evaluate()["call_edges"].values()
    calls = evaluate()["calls"]
    assert {(edge["caller"], edge["called"]) for edge in edges} == {
        (a, b) for a, called in calls.items() for b in called
    }
    bound = [body for kind, _, body in resources() if kind.startswith("google_cloud_run") and "invoker" in str(body)]
    invoking = [body for body in bound if body.get("role") == "roles/run.invoker"]
    assert [body["for_each"] for body in invoking] == ["${local.call_edges}"]
    assert not [text for _, _, body in resources() for _, text in strings(body) if text == "allUsers"]


def test_accounts_are_those_that_the_services_know() -> None:
    accounts = {body["account_id"] for kind, _, body in resources() if kind == "google_service_account"}
    named = {f"usher-{service}" for service in SERVICES} | {"usher-push", "usher-operator"}
    assert {address.partition("@")[0] for address in callers("p")} == named
    pipeline = {"usher-build", "usher-deploy"}
    assert accounts == {"usher-${each.key}", "usher-push", "usher-operator"} | pipeline


def test_each_publishes_what_its_code_publishes() -> None:
    granted = {account: set(topics) for account, topics in evaluate()["publishes"].items()}
    topics = {topic.name for topic in load_topics().topics}
    assert granted.pop("operator") == topics
    assert granted == {service: set(published(service)) for service in ROOTS if cloud_calls(service, "bus")}
    assert all(own <= topics for own in granted.values())
    assert resource("google_pubsub_topic_iam_member", "publisher")["for_each"] == "${local.publishing}"


def test_readiness_may_look_at_the_topic_that_it_asks_for() -> None:
    default = inspect.signature(PubSubEventBus.__init__).parameters["ping_topic"].default
    assert evaluate()["pinged_topic"] == default


def test_each_database_is_its_services_alone() -> None:
    used = {database: service for service in ROOTS for database in cloud_calls(service, "store")}
    assert evaluate()["databases"] == used
    member = resource("google_project_iam_member", "datastore")
    assert member["for_each"] == "${local.databases}"
    assert member["member"] == "${local.members[each.value]}"
    assert "/databases/usher-${each.key}" in member["condition"][0]["expression"]


def test_a_role_on_the_project_is_narrowed_for_services() -> None:
    """Only the pipeline's reading and logging, and what a condition narrows, is granted on the whole project."""
    for kind, name, body in resources():
        if kind != "google_project_iam_member" or "condition" in body:
            continue
        member = body["member"]
        asking = "${google_project_iam_custom_role.model_caller[0].id}"
        documents = "${google_project_iam_custom_role.knowledge[each.key].id}"
        narrow = {"roles/logging.logWriter", "roles/bigquery.jobUser", asking, documents}  # none can be granted on less
        reading = "deploy" in member and all(
            "iewer" in role or "eader" in role or "browser" in role for role in re.findall(r"roles/[\w.]+", str(body))
        )
        assert body["role"] in narrow or reading, f"google_project_iam_member.{name}"


def test_who_asks_models_may_do_nothing_else_of_vertex_ai() -> None:
    role = resource("google_project_iam_custom_role", "model_caller")
    assert role["permissions"] == ["aiplatform.endpoints.predict"]
    assert role["count"] == "${length(local.model_callers) > 0 ? 1 : 0}"
    member = resource("google_project_iam_member", "model_caller")
    assert member["for_each"] == "${local.model_callers}"
    assert member["member"] == "${local.members[each.key]}"
    stated = (FILES[0].parent / "models.tf").read_text()
    assert re.findall(r'var\.(\w+) \? \["(\w+)"\] : \[\]', stated) == [
        ("agent_vertex", "agent"),
        ("inference_vertex", "inference"),
    ]
    granted = [name for kind, name, body in resources() if "iam_member" in kind and "aiplatform" in str(body)]
    assert not granted  # no predefined role beside it


def test_documents_are_searched_by_the_agent_and_changed_by_the_operator() -> None:
    role = resource("google_project_iam_custom_role", "knowledge")
    member = resource("google_project_iam_member", "knowledge")
    assert role["for_each"] == member["for_each"] == "${local.knowledge_roles}"
    assert member["member"] == "${local.members[each.key]}"
    stated = (FILES[0].parent / "knowledge.tf").read_text()
    granted = {
        owner: set(re.findall(r'"(aiplatform\.[\w.]+)"', line))
        for owner, line in re.findall(r"^ +(agent|operator) += (\{.*)$", stated, re.MULTILINE)
    }
    assert granted == {
        "agent": {"aiplatform.endpoints.predict", "aiplatform.indexEndpoints.queryVectors"},
        "operator": {"aiplatform.endpoints.predict", "aiplatform.indexes.update"},
    }
    for kind in ("google_vertex_ai_index", "google_vertex_ai_index_endpoint"):
        assert resource(kind, "documents")["count"] == "${var.knowledge ? 1 : 0}"


# events


def test_subscriptions_are_those_of_the_data_file() -> None:
    computed = evaluate()["subscriptions"]
    loaded = load_topics().subscriptions
    assert set(computed) == {subscription.name for subscription in loaded}
    for subscription in loaded:
        own = computed[subscription.name]
        for field, value in subscription.model_dump(exclude={"name"}).items():
            assert own[field] == value, (subscription.name, field)


def test_dead_letter_topics_are_those_of_the_data_file() -> None:
    assert evaluate()["dead_letter_topics"] == {topic.name: topic.dead_letter_topic for topic in load_topics().topics}
    name = resource("google_pubsub_subscription", "dead_letter")["name"]
    assert name.replace("${each.value}", "x_dead_letter") == kept("x_dead_letter")


def test_nothing_of_the_topology_is_repeated_by_hand() -> None:
    expected = {
        ("google_pubsub_topic", "event"): "${toset(local.topology.topics)}",
        ("google_pubsub_topic", "dead_letter"): "${local.dead_letter_topics}",
        ("google_pubsub_subscription", "dead_letter"): "${local.dead_letter_topics}",
        ("google_pubsub_subscription", "push"): "${local.subscriptions}",
    }
    found = {
        (kind, name): body.get("for_each")
        for kind, name, body in resources()
        if kind in ("google_pubsub_topic", "google_pubsub_subscription")
    }
    assert found == expected
    names = {topic.name for topic in load_topics().topics}
    for _, _, body in resources():
        assert not names & {text for _, text in strings(body)}


def test_pushes_show_who_they_are_and_go_where_the_data_file_says() -> None:
    push = resource("google_pubsub_subscription", "push")
    config = push["push_config"][0]
    assert config["push_endpoint"].endswith("${each.value.path}")
    token = config["oidc_token"][0]
    assert token["audience"].replace("${each.value.service}", "logger") == audience_of("logger")
    assert token["service_account_email"] == "${google_service_account.push.email}"
    for field in ("ack_deadline_seconds", "enable_message_ordering", "filter"):
        assert push[field] == f"${{each.value.{field}}}"
    assert push["dead_letter_policy"][0]["max_delivery_attempts"] == "${each.value.max_delivery_attempts}"
    assert push["retry_policy"][0]["minimum_backoff"] == "${each.value.minimum_backoff_seconds}s"


def test_a_dead_letter_is_kept_and_expires_with_what_subscribers_remember() -> None:
    """Kept as an event and again as a dead letter, it is still remembered where it had an effect: 14 days."""
    from usher_shared.bus.pubsub_topology import _RETENTION
    from usher_trainer_job.trigger.service import _REMEMBER_EVENTS

    block = next(block for path in FILES for block in parsed(path).get("locals", []) if "retention" in block)
    seconds = int(block["retention"].removesuffix("s"))
    assert 2 * seconds <= _REMEMBER_EVENTS.total_seconds()
    assert seconds == _RETENTION.total_seconds()
    for name in ("push", "dead_letter"):
        subscription = resource("google_pubsub_subscription", name)
        assert subscription["message_retention_duration"] == "${local.retention}"
        assert subscription["expiration_policy"][0]["ttl"] == ""
