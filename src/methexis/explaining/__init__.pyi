from .ancestry import Ancestry as Ancestry
from .explanation import Explanation as Explanation
from .explanation import Rung as Rung
from .many import Explanations as Explanations
from .many import explain_all as explain_all
from .pair import explain as explain
from .sharing import Side as Side
from .verdict import Gain as Gain
