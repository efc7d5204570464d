"""`davy run`: the operator. Flags and variables become `Settings`, the rest is the controller's."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import click

from davy.api import group
from davy.cli.kubeconfig import pod_namespace
from davy.cli.length import Length
from davy.controller import logs, service
from davy.controller.settings import LeaseSettings, LogFormat, Settings
from davy.metrics.accounts import Accounts
from davy.metrics.addresses import Addresses, Signed

_DEFAULT = Settings()
_SHORTEST_LEASE = timedelta(seconds=1)


class _HostOrNetwork(click.ParamType[str]):
    """A host name, a pattern of names, an address or a network."""

    name = "host or network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The entry as it was written."""
        try:
            Addresses.of([value])
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class _SignedAddress(click.ParamType[str]):
    """A URL to sign questions for, after the service of AWS that has it."""

    name = "[service=]URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The entry as it was written."""
        try:
            Signed.of(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class _Account(click.ParamType[str]):
    """A service account, or `*` for its namespace, its name or both."""

    name = "service account"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The entry as it was written."""
        try:
            Accounts.of([value])
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.command(
    "run",
    context_settings={"auto_envvar_prefix": "DAVY", "show_default": True},
    epilog="Each option can be set by an environment variable too: DAVY_ and its name.",
)
@click.option(
    "--kubeconfig",
    metavar="FILE",
    envvar="DAVY_KUBECONFIG",
    help="Path of a kubeconfig. Default: $KUBECONFIG, the pod's service account, ~/.kube/config.",
)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    metavar="NAME",
    multiple=True,
    envvar="DAVY_NAMESPACE",
    help="Namespace to serve; may be repeated (variable: separated by spaces). Default: all.",
)
@click.option(
    "--api-group",
    metavar="GROUP",
    envvar="DAVY_API_GROUP",
    default=_DEFAULT.api_group.name,
    help="API group of the rollouts; argoproj.io serves Argo Rollouts' objects.",
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    envvar="DAVY_LISTEN",
    default=_DEFAULT.listen,
    help="Address of /healthz, /readyz and /metrics.",
)
@click.option(
    "--log-format",
    type=click.Choice([form.value for form in LogFormat]),
    envvar="DAVY_LOG_FORMAT",
    default=_DEFAULT.log_format.value,
    help="Form of the log lines on standard error.",
)
@click.option(
    "--log-level",
    type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False),
    envvar="DAVY_LOG_LEVEL",
    default=_DEFAULT.log_level,
    help="The least important lines that are written.",
)
@click.option(
    "--settle",
    type=Length(),
    metavar="LENGTH",
    envvar="DAVY_SETTLE",
    default="1s",
    help="How long the mesh gets to take a weight that no router can verify.",
)
@click.option(
    "--resync",
    type=Length(),
    metavar="LENGTH",
    envvar="DAVY_RESYNC",
    default="5m",
    help="How often everything is listed, to heal lost events.",
)
@click.option(
    "--metric-addresses",
    type=_HostOrNetwork(),
    metavar="HOST|NETWORK",
    multiple=True,
    envvar="DAVY_METRIC_ADDRESSES",
    help="Host (prometheus.monitoring, *.example.com) or network (10.0.0.0/8) that metrics may "
    "call; may be repeated (variable: separated by spaces). Default: all but this machine's own, "
    "link-local and metadata addresses and the API server.",
)
@click.option(
    "--prometheus",
    metavar="URL",
    envvar="DAVY_PROMETHEUS",
    help="Prometheus that is asked where a comparison (judge, analysis.compare) names none, such "
    "as http://prometheus.monitoring:9090. Default: each must name its own.",
)
@click.option(
    "--sigv4-addresses",
    type=_SignedAddress(),
    metavar="[SERVICE=]URL",
    multiple=True,
    envvar="DAVY_SIGV4_ADDRESSES",
    help="URL that metrics may ask with Davy's own AWS credentials (authentication.sigv4), with "
    "all below its path, such as https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1; "
    "SERVICE is aps unless it is given; may be repeated (variable: separated by spaces). Default: "
    "none.",
)
@click.option(
    "--job-service-accounts",
    type=_Account(),
    metavar="NAMESPACE/NAME",
    multiple=True,
    envvar="DAVY_JOB_SERVICE_ACCOUNTS",
    help="Service account that Jobs of metrics (provider.job) may run as, such as shop/default; * "
    "stands for all namespaces or names; may be repeated (variable: separated by spaces). Whoever "
    "writes AnalysisTemplates there can then run pods as it. Default: none, no Job is made.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    envvar="DAVY_WORKERS",
    default=_DEFAULT.queue.workers,
    help="Rollouts that are worked on at the same time.",
)
@click.option(
    "--lease-namespace",
    metavar="NAME",
    envvar="DAVY_LEASE_NAMESPACE",
    help="Namespace of the Lease by which replicas agree who acts. Default: the pod's own, "
    f"else {_DEFAULT.lease.namespace}.",
)
@click.option(
    "--lease-name",
    metavar="NAME",
    envvar="DAVY_LEASE_NAME",
    help="Name of that Lease; another one for a Davy beside this one. Default: the API group.",
)
@click.option(
    "--lease-duration",
    type=Length(),
    metavar="LENGTH",
    envvar="DAVY_LEASE_DURATION",
    default="3s",
    help="After a crash the next replica acts so much later.",
)
def command(
    *,
    kubeconfig: str | None,
    namespaces: tuple[str, ...],
    api_group: str,
    listen: str,
    log_format: str,
    log_level: str,
    settle: timedelta,
    metric_addresses: tuple[str, ...],
    prometheus: str | None,
    sigv4_addresses: tuple[str, ...],
    job_service_accounts: tuple[str, ...],
    resync: timedelta,
    workers: int,
    lease_namespace: str | None,
    lease_name: str | None,
    lease_duration: timedelta,
) -> None:
    """Run the operator until SIGTERM or Ctrl-C.

    It says in one sentence why it can't start: no cluster, CRDs not installed, a right that is
    missing, an address in use.
    """
    if lease_duration < _SHORTEST_LEASE:
        raise click.BadParameter("must be 1s or more.", param_hint="--lease-duration")
    if prometheus and not prometheus.startswith(("http://", "https://")):
        raise click.BadParameter("must begin with http:// or https://.", param_hint="--prometheus")
    settings = Settings(
        api_group=group.ApiGroup(api_group),
        namespaces=tuple(dict.fromkeys(namespaces)),
        listen=listen,
        log_format=LogFormat(log_format),
        log_level=log_level.upper(),
        metric_addresses=metric_addresses,
        sigv4_addresses=sigv4_addresses,
        settle=settle,
        queue=replace(_DEFAULT.queue, workers=workers),
        api=replace(_DEFAULT.api, kubeconfig=kubeconfig),
        watch=replace(_DEFAULT.watch, resync=resync),
        measure=replace(
            _DEFAULT.measure, job_accounts=job_service_accounts, prometheus=prometheus or ""
        ),
        lease=LeaseSettings(
            namespace=lease_namespace or pod_namespace() or _DEFAULT.lease.namespace,
            name=lease_name or api_group,
            duration=lease_duration,
        ),
    )
    logs.configure(settings.log_format, settings.log_level)
    asyncio.run(service.run(settings))
