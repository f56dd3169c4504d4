// The optional virtual network: the app's way out goes through it, storage and vault are reached by private endpoints only.
// What comes in (Halo's calls, admins) still reaches the app's public address.

@description('Suffix of every name.')
param suffix string
param location string
param tags object
@description('Resource id of the storage account.')
param storageId string
@description('Resource id of the Key Vault.')
param vaultId string
@description('At least a /25: one half for the app, one for the private endpoints.')
param addressPrefix string

var storageSuffix = environment().suffixes.storage
var endpoints = [
  {
    group: 'blob'
    target: storageId
    zone: 'privatelink.blob.${storageSuffix}'
  }
  {
    group: 'queue'
    target: storageId
    zone: 'privatelink.queue.${storageSuffix}'
  }
  {
    group: 'table'
    target: storageId
    zone: 'privatelink.table.${storageSuffix}'
  }
  {
    group: 'vault'
    target: vaultId
    zone: replace(environment().suffixes.keyvaultDns, '.vault.', 'privatelink.vaultcore.')
  }
]

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: 'vnet-${suffix}'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'private-endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2020-06-01' = [for endpoint in endpoints: {
  name: endpoint.zone
  location: 'global'
  tags: tags
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [for (endpoint, index) in endpoints: {
  parent: zones[index]
  name: 'link-${endpoint.group}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-01-01' = [for endpoint in endpoints: {
  name: 'pe-${endpoint.group}-${suffix}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: '${network.id}/subnets/private-endpoints'
    }
    privateLinkServiceConnections: [
      {
        name: endpoint.group
        properties: {
          privateLinkServiceId: endpoint.target
          groupIds: [endpoint.group]
        }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01' = [for (endpoint, index) in endpoints: {
  parent: privateEndpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: endpoint.group
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]

output appSubnetId string = '${network.id}/subnets/app'
