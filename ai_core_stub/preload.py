"""Imported by the forkserver alone, before it forks: every worker then starts with SHAP in shared memory.

A signal to the whole process group (Ctrl-C, a supervisor's SIGTERM) is for the service, which ends its workers; they
and the forkserver must not fall away under the analyses that it still finishes.
"""

import importlib
import signal
import threading

from tqdm.std import tqdm  # type: ignore[import-untyped]  # it ships no type information

importlib.import_module("ai_core_stub.analysis")
# KernelExplainer counts its rows by tqdm, whose own lock is a semaphore of the system that a killed worker would leave
tqdm.set_lock(threading.RLock())
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
