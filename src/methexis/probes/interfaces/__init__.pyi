from .elements import Element as Element
from .finding import interfaces as interfaces
from .interface import Interface as Interface
from .result import Interfaces as Interfaces
