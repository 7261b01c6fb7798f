"""The library: clips and pictures as files, each beside its row, whatever moment the power goes."""

from studio.library.library import Library
from studio.library.produced import Produced
from studio.library.rebuild import Rebuilt
from studio.library.reconcile import Reconciliation

__all__ = ["Library", "Produced", "Rebuilt", "Reconciliation"]
