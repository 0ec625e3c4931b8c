from methexis.probes.commands import Asked as Asked
from methexis.probes.commands import run_list as run_list
from methexis.probes.commands import run_probe as run_probe
from methexis.probes.listing import LayerList as LayerList
from methexis.probes.listing import LayerOutput as LayerOutput
from methexis.probes.listing import list_layers as list_layers
from methexis.probes.probing import probe as probe
from methexis.probes.reducing import PROBE_POOLS as PROBE_POOLS
