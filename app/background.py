"""Studies in the background: left by web processes, handed to workers by Celery on Redis, a message holding an id only.

Imported only where a broker is set. A message is acknowledged when its study has ended: one whose worker was killed
comes back, at once where a worker process died and after `visibility_timeout` where its whole machine did.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import redis
from celery import Celery
from kombu.exceptions import OperationalError

from app.errors import Problem
from app.payload import Payload, Standing
from app.vault import Vault

TASK: Final = "covidscanner.study"

GRACE_SECONDS: Final = 5
"""Between the soft limit of a study's time, which ends it with a problem, and the hard one, which ends the process."""

RETRY_SECONDS: Final = 5
"""What a client is told to wait where Redis is out of reach."""

_UNREACHABLE: Final = "The queue of studies cannot be reached or is full. Try again, or send without `Prefer`."


class Background:
    """Where web processes leave studies and find answers.

    Args:
        settings: by the names in `app.config.SETTINGS`; with a broker.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._vault = vault(settings)
        self._celery = celery(settings)

    def put(self, study: str, payload: Payload) -> None:
        """Leave a study for a worker.

        Raises:
            Problem: the queue cannot be reached, or is full.
        """
        with _reached():
            self._vault.put(study, payload)
            self._celery.send_task(TASK, [study])

    def look(self, study: str) -> Standing:
        """How far a study is. Raises a Problem where there is none, or the queue cannot be reached."""
        with _reached():
            standing = self._vault.look(study)
        if standing is None:
            raise unknown_study()
        return standing

    def delete(self, study: str) -> None:
        """Forget a study. Raises as `look`."""
        with _reached():
            found = self._vault.delete(study)
        if not found:
            raise unknown_study()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, OperationalError):
        raise Problem("queue_unavailable", _UNREACHABLE, RETRY_SECONDS) from None


def unknown_study() -> Problem:
    """There is no study of this id."""
    return Problem("not_found", "There is no such study here. It was deleted, has expired, or never was.")


def vault(settings: Mapping[str, Any]) -> Vault:
    """Where the studies are kept."""
    return Vault(settings["BROKER_URL"], settings["STUDY_KEY"], settings["STUDY_EXPIRY"])


def celery(settings: Mapping[str, Any]) -> Celery:
    """The Celery application, for both ends of the queue."""
    application = Celery("covidscanner", broker=settings["BROKER_URL"], set_as_current=False)
    seconds = settings["STUDY_SECONDS"]
    application.conf.update(
        task_default_queue="covidscanner.studies",
        task_ignore_result=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0},
        # Late acknowledgement: a study is done when it has an answer, not when a worker took it.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=False,
        worker_prefetch_multiplier=1,
        task_soft_time_limit=seconds,
        task_time_limit=seconds + GRACE_SECONDS,
        # Longer than any study may take, or another worker would begin it while it is read.
        broker_transport_options={"visibility_timeout": seconds + 2 * GRACE_SECONDS, "socket_connect_timeout": 2},
        visibility_timeout=seconds + 2 * GRACE_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_proc_alive_timeout=60,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
    )
    return application
